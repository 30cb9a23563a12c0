import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import type { Drop } from '@elevens/shared/src/redpackets/contract.ts';
import { useCallback, useState } from 'react';
import { useOffers } from '../../capabilities/deals/use-deals.ts';
import { FairnessSheet } from '../../capabilities/redpackets/FairnessSheet.tsx';
import { Opening } from '../../capabilities/redpackets/Opening.tsx';
import { Rain } from '../../capabilities/redpackets/Rain.tsx';
import { useDrops, useMyPackets, useOpened } from '../../capabilities/redpackets/use-drops.ts';
import { clockText } from '../../platform/format.ts';
import { useWords } from '../../platform/i18n.ts';
import { useChange, useLink, useMeasured, useNow } from '../../platform/platform.tsx';
import { go, To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import streetDeskUrl from '../../ui/art/street-desk.svg?url';
import streetPhoneUrl from '../../ui/art/street-phone.svg?url';
import { Icon, Mark } from '../../ui/Icon.tsx';
import { Busy, Quiet, Sign } from '../../ui/Sign.tsx';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { OneOf } from './OneOf.tsx';
import './rain.css';

export function RainPage({ dropId }: { dropId: string }) {
  const { t } = useWords();
  const view = useDrops();
  const unknown = {
    title: t('packets.unknownTitle'),
    text: t('packets.unknown'),
    act: t('packets.toPackets'),
    to: '/packets',
  };
  return (
    <OneOf
      view={view}
      list="redpackets:list"
      unknown={unknown}
      pick={({ drops }) => drops.find((one) => one.dropId === dropId)}
    >
      {(drop, { drops }) => <TheRain drop={drop} drops={drops} />}
    </OneOf>
  );
}

/** What stands over the sky. One of these at a time. */
type Over =
  | { is: 'waiting'; leftMs: number }
  | { is: 'falling' }
  | { is: 'opened'; amountMinor: number; index: number; fresh: boolean }
  | { is: 'empty-handed' }
  | { is: 'stopped' };

function overOf(facts: {
  drop: Drop;
  nowMs: number;
  outcome: CommandOutcome<'redpackets:open'> | null;
  mine: { amountMinor: number; index: number } | null;
  opened: number | null;
}): Over {
  const { drop, nowMs, outcome, mine, opened } = facts;
  if (outcome?.ok === true)
    return { is: 'opened', amountMinor: outcome.reply.amountMinor, index: outcome.reply.index, fresh: true };
  if (mine !== null) return { is: 'opened', ...mine, fresh: false };
  if (outcome !== null && !outcome.ok && !('fault' in outcome)) {
    if (outcome.why === 'already-opened')
      return { is: 'opened', amountMinor: outcome.amountMinor, index: outcome.index, fresh: false };
    if (outcome.why === 'all-opened') return { is: 'empty-handed' };
    if (outcome.why === 'closed') return { is: 'stopped' };
  }
  if (nowMs < drop.opensAtMs) return { is: 'waiting', leftMs: drop.opensAtMs - nowMs };
  if (nowMs >= drop.closesAtMs) return { is: 'stopped' };
  return opened !== null && opened >= drop.packets ? { is: 'empty-handed' } : { is: 'falling' };
}

function TheRain({ drop, drops }: { drop: Drop; drops: Drop[] }) {
  const { t, format } = useWords();
  const times = useTimes();
  const nowMs = useNow(100);
  const measured = useMeasured();
  const link = useLink();
  const offers = useOffers();
  const brand = offers.is === 'ready' ? (offers.offers.find((o) => o.brand.id === drop.brandId)?.brand ?? null) : null;
  const state = useOpened(drop.dropId);
  const wallet = useMyPackets();
  const [proof, setProof] = useState(false);
  const [outcome, setOutcome] = useState<CommandOutcome<'redpackets:open'> | null>(null);
  const { sending, send } = useChange('redpackets:open');
  const mine = wallet?.packets.find((packet) => packet.dropId === drop.dropId) ?? null;
  const over = overOf({ drop, nowMs, outcome, mine, opened: state?.opened ?? null });
  const busy = sending.is === 'sending';

  const open = useCallback(() => {
    void send({ dropId: drop.dropId }).then((answer) => {
      if (answer !== null) setOutcome(answer);
    });
  }, [send, drop.dropId]);

  const ended = nowMs >= drop.closesAtMs;
  const falls = over.is === 'falling' || (over.is === 'opened' && over.fresh);
  const leftMs = over.is === 'waiting' ? over.leftMs : Math.max(0, drop.closesAtMs - nowMs);
  const spanMs = over.is === 'waiting' ? 60_000 : drop.closesAtMs - drop.opensAtMs;
  const packets = format.number(drop.packets);
  const opened = format.number(state?.opened ?? 0);
  const hurt = !ended && outcome !== null && !outcome.ok && 'fault' in outcome ? t(`fault.${outcome.fault}`) : null;
  const fund = format.money(drop.fundMinor, drop.currency, 'short');
  const next = drops.find((one) => one.opensAtMs > nowMs && one.dropId !== drop.dropId) ?? null;
  const nextRain =
    next === null ? null : t('packets.nextRain', { time: t('at', { time: times.short(next.opensAtMs) }) });

  return (
    <div className={`rain is-${over.is}`}>
      <picture>
        <source media="(min-width: 1024px)" srcSet={streetDeskUrl} />
        <img className="street" src={streetPhoneUrl} alt="" />
      </picture>
      {falls && <Rain dropId={drop.dropId} still={over.is === 'opened'} onTap={open} />}
      {over.is !== 'opened' && (
        <div className="hud">
          {over.is === 'waiting' || over.is === 'falling' ? (
            <>
              <FourStrokes value={(leftMs / spanMs) * 4} />
              <span
                className="t"
                role="timer"
                aria-label={t(over.is === 'waiting' ? 'packets.waitTimer' : 'packets.timer', {
                  time: format.duration(leftMs),
                })}
              >
                {!measured ? '–' : leftMs < 60_000 ? (leftMs / 1_000).toFixed(1) : clockText(leftMs)}
                {measured && leftMs < 60_000 && <small> s</small>}
              </span>
            </>
          ) : (
            <>
              <span />
              <span />
            </>
          )}
          <p className="got">
            <span className="num">{over.is === 'waiting' ? fund : opened}</span>
            {over.is === 'waiting' ? brand?.name : t('packets.openedOf', { packets })}
          </p>
          <To className="ico-btn" to="/packets" aria-label={t('packets.back')}>
            <Icon name="close" />
          </To>
        </div>
      )}
      {over.is === 'falling' && (
        <div className="hint">
          <button
            type="button"
            onClick={open}
            aria-disabled={busy || link.is !== 'up' || undefined}
            aria-busy={busy || undefined}
          >
            <b>
              {busy ? t('packets.opening') : link.is === 'up' ? t('packets.tap') : t('deals.sign.offline')}
              {busy && <Busy />}
            </b>
            <span>{hurt ?? t('packets.share', { packets, fund })}</span>
          </button>
        </div>
      )}
      {over.is === 'waiting' && (
        <section className="wait">
          <h1>{drop.title}</h1>
          <p className="from">{brand === null ? null : t('packets.from', { brand: brand.name })}</p>
          <Mark name="packet" className="one" />
          <p className="big">{t('packets.share', { packets, fund })}</p>
          <p>{times.withPlaces(drop.opensAtMs)}</p>
          <div className="seal-line">
            <Icon name="shield" />
            <p>
              {drop.seedHash === null ? t('packets.notSealed') : t('packets.sealed')}
              {drop.seedHash !== null && <code>{drop.seedHash.match(/.{1,8}/g)?.join(' ')}</code>}
            </p>
          </div>
        </section>
      )}
      {over.is === 'opened' && (
        <Opening
          from={brand === null ? drop.title : t('packets.from', { brand: brand.name })}
          amountMinor={over.amountMinor}
          currency={drop.currency}
          fresh={over.fresh}
        >
          <div className="why">
            <p>
              <b>
                {wallet === null
                  ? t('packets.inWalletPlain')
                  : t('packets.inWallet', { amount: format.money(wallet.walletMinor, wallet.currency) })}
              </b>
            </p>
            <p>
              {t('packets.yourOne')} {nextRain}
            </p>
          </div>
          <div className="acts">
            <Sign
              tone="gold"
              state={{
                is: 'ready',
                title: t('packets.toWallet'),
                detail: ended ? undefined : t('packets.timer', { time: format.durationShort(leftMs) }),
              }}
              onPress={() => go('/mine')}
            />
            <Quiet onPress={() => setProof(true)}>{t('packets.proof')}</Quiet>
          </div>
          <To className="ico-btn leave" to="/packets" aria-label={t('packets.back')}>
            <Icon name="close" />
          </To>
        </Opening>
      )}
      {(over.is === 'empty-handed' || over.is === 'stopped') && (
        <section className="wait">
          <h1>{t(over.is === 'stopped' ? 'packets.closedTitle' : 'packets.emptyHandTitle')}</h1>
          <Mark name="packet" className="one used" />
          <p className="big">{drop.title}</p>
          <p>
            {over.is === 'stopped'
              ? t('packets.closed', { time: t('at', { time: times.withPlaces(drop.closesAtMs) }), opened, packets })
              : t('packets.emptyHand', { packets })}{' '}
            {nextRain}
          </p>
          <div className="acts">
            <Sign tone="gold" state={{ is: 'ready', title: t('packets.proof') }} onPress={() => setProof(true)} />
            <Quiet onPress={() => go(next === null ? '/packets' : `/packets/${next.dropId}`)}>
              {nextRain ?? t('packets.back')}
            </Quiet>
          </div>
        </section>
      )}
      {proof && (
        <FairnessSheet
          dropId={drop.dropId}
          currency={drop.currency}
          mine={over.is === 'opened' ? { index: over.index, amountMinor: over.amountMinor } : null}
          onClose={() => setProof(false)}
        />
      )}
    </div>
  );
}
