/**
 * The packet rain as a scene on one canvas: three sheets of depth, packets that turn on their long axis. Everything about a
 * packet follows from the drop's name, so that two looks at one rain are the same rain; nothing here decides an amount.
 */

interface Falling {
  /** Depth: 0.3 far, 0.58 middle, 1 within reach. */
  depth: number;
  x: number;
  y: number;
  speed: number;
  angle: number;
  turn: number;
  tilt: number;
}

const packetWidth = 120;
const packetHeight = 164;
/** Packets in the sky of a phone; a desk has twice the sky. Both stay well inside a frame of 16 ms on a slow machine. */
const fallingCount = 34;
const wideFrom = 900;

export interface RainScene {
  /** Draws the sky at a time in seconds. */
  draw(seconds: number): void;
  /** Whether a point of the canvas lies on a packet within reach, at the time last drawn; where its middle is. */
  hit(x: number, y: number): { x: number; y: number } | null;
  resize(): void;
}

/** A small generator (Park-Miller) for places in the sky, seeded by the drop's id. */
function places(seed: string): () => number {
  let state = 1;
  for (let i = 0; i < seed.length; i++) state = (state * 31 + seed.charCodeAt(i)) % 2_147_483_647;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** The packet of the sprite as an image of its own, so that the canvas draws it with one call. */
export function packetImage(): Promise<HTMLImageElement> {
  const symbol = document.getElementById('packet');
  const gradient = document.getElementById('g-pk');
  const image = new Image();
  const markup = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="328" viewBox="0 0 120 164"><defs>${gradient?.outerHTML ?? ''}</defs>${symbol?.innerHTML ?? ''}</svg>`;
  image.src = `data:image/svg+xml,${encodeURIComponent(markup)}`;
  return image.decode().then(() => image);
}

/** Drawn once for each depth into a small bitmap: a far packet is dimmed there and not in every frame. */
function sprites(image: HTMLImageElement): Map<number, HTMLCanvasElement> {
  const made = new Map<number, HTMLCanvasElement>();
  for (const depth of [0.3, 0.58, 1]) {
    const canvas = document.createElement('canvas');
    const scale = 2 * Math.max(0.5, depth);
    const margin = 30;
    canvas.width = (packetWidth + margin * 2) * scale;
    canvas.height = (packetHeight + margin * 2) * scale;
    const g = canvas.getContext('2d');
    if (g === null) continue;
    g.scale(scale, scale);
    g.translate(margin, margin);
    if (depth === 1) {
      g.shadowColor = 'rgba(20, 2, 10, .5)';
      g.shadowBlur = 30;
      g.shadowOffsetY = 20;
    }
    g.drawImage(image, 0, 0, packetWidth, packetHeight);
    if (depth < 1) {
      g.globalAlpha = depth < 0.4 ? 0.45 : 0.22;
      g.fillStyle = '#5a0f1c';
      g.fillRect(4, 0, packetWidth - 8, packetHeight);
    }
    made.set(depth, canvas);
  }
  return made;
}

export function createRainScene(canvas: HTMLCanvasElement, image: HTMLImageElement, seed: string): RainScene {
  const g = canvas.getContext('2d');
  const next = places(seed);
  const drawn = sprites(image);
  // Steps of the golden ratio spread any number of packets evenly; chance alone would heap them.
  const start = next();
  const along = (i: number): number => (start + i * 0.618_034) % 1;
  const down = (i: number): number => (start + i * 0.754_878) % 1;
  const count = canvas.clientWidth > wideFrom ? fallingCount * 2 : fallingCount;
  const sky: Falling[] = Array.from({ length: count }, (_, i) => {
    const share = i / count;
    const depth = share < 0.47 ? 0.3 : share < 0.79 ? 0.58 : 1;
    return {
      depth,
      x: along(i),
      y: down(i) * 1.35 - 0.25,
      speed: (0.1 + next() * 0.05) * (0.5 + depth),
      angle: next() * 6.3,
      turn: 0.6 + next() * 1.1,
      tilt: (next() - 0.5) * 0.9,
    };
  });
  let width = 0;
  let height = 0;
  let near: { x: number; y: number; halfWidth: number; halfHeight: number }[] = [];

  function resize(): void {
    // More than two device pixels for each of the page's cost frames and are not seen on things that fall.
    const density = Math.min(2, devicePixelRatio);
    const box = canvas.getBoundingClientRect();
    width = box.width;
    height = box.height;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    g?.setTransform(density, 0, 0, density, 0, 0);
  }
  resize();

  return {
    resize,
    draw(seconds) {
      if (g === null) return;
      g.clearRect(0, 0, width, height);
      near = [];
      const grown = Math.min(1.35, Math.max(1, width / 480));
      for (const p of sky) {
        const y = ((p.y + seconds * p.speed + 0.25) % 1.35) - 0.25;
        const flip = Math.cos(p.angle + seconds * p.turn);
        const narrow = Math.max(0.3, Math.sqrt(Math.abs(flip)));
        const scale = p.depth * 0.88 * grown;
        const x = p.x * width + Math.sin(seconds * p.turn + p.angle) * 14 * p.depth;
        const sprite = drawn.get(p.depth);
        if (sprite === undefined) continue;
        g.save();
        g.translate(x, y * height);
        g.rotate(p.tilt + Math.sin(seconds * p.turn + p.angle) * 0.2);
        g.scale(scale * narrow, scale);
        g.globalAlpha = p.depth < 0.4 ? 0.62 : 1;
        g.drawImage(sprite, -packetWidth / 2 - 30, -packetHeight / 2 - 30, packetWidth + 60, packetHeight + 60);
        g.restore();
        if (p.depth > 0.5)
          near.push({ x, y: y * height, halfWidth: (packetWidth / 2) * scale, halfHeight: (packetHeight / 2) * scale });
      }
    },
    hit(x, y) {
      // A thumb is wide and a packet moves: 14 px around it count as on it.
      const found = near.findLast((p) => Math.abs(x - p.x) < p.halfWidth + 14 && Math.abs(y - p.y) < p.halfHeight + 14);
      return found === undefined ? null : { x: found.x, y: found.y };
    },
  };
}
