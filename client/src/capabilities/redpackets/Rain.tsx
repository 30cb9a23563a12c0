import { useEffect, useRef } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { Mark } from '../../ui/Icon.tsx';
import { useReducedMotion } from '../../ui/use-reduced-motion.ts';
import { createRainScene, packetImage, type RainScene } from './rain-scene.ts';

interface RainProps {
  dropId: string;
  /** Frozen while a packet opens over it. */
  still: boolean;
  onTap: () => void;
}

/** The falling packets. Those who asked for stillness get four that hang, and the same chance. */
export function Rain({ dropId, still, onTap }: RainProps) {
  return useReducedMotion() ? (
    <CalmPackets onTap={onTap} />
  ) : (
    <FallingPackets dropId={dropId} still={still} onTap={onTap} />
  );
}

function FallingPackets({ dropId, still, onTap }: RainProps) {
  const { t } = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<RainScene | null>(null);
  const frozen = useRef(still);
  useEffect(() => {
    frozen.current = still;
  }, [still]);

  useEffect(() => {
    let frame = 0;
    let gone = false;
    const onResize = (): void => scene.current?.resize();
    void packetImage().then((image) => {
      const element = canvas.current;
      if (gone || element === null) return;
      const made = createRainScene(element, image, dropId);
      scene.current = made;
      let startMs: number | null = null;
      const draw = (atMs: number): void => {
        startMs ??= atMs;
        if (!frozen.current) made.draw((atMs - startMs) / 1_000);
        frame = requestAnimationFrame(draw);
      };
      frame = requestAnimationFrame(draw);
    });
    window.addEventListener('resize', onResize);
    return () => {
      gone = true;
      cancelAnimationFrame(frame);
      window.removeEventListener('resize', onResize);
      scene.current = null;
    };
  }, [dropId]);

  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={t('packets.falling')}
      onPointerDown={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        if (scene.current?.hit(event.clientX - box.left, event.clientY - box.top) != null) onTap();
      }}
    />
  );
}

function CalmPackets({ onTap }: { onTap: () => void }) {
  const { t } = useWords();
  return (
    <section className="calm">
      <h2>{t('packets.calmTitle')}</h2>
      <ul>
        {[1, 2, 3, 4].map((number) => (
          <li key={number}>
            <button type="button" aria-label={t('packets.pick', { number })} onClick={onTap}>
              <Mark name="packet" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
