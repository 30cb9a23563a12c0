import { recordIdOf } from '@elevens/shared/src/occurrence-ids.ts';
import { useState } from 'react';
import { useMyHolds, useOffers } from '../../capabilities/deals/use-deals.ts';
import { EnergyStair } from '../../capabilities/energy/EnergyStair.tsx';
import { useEnergy } from '../../capabilities/energy/use-energy.ts';
import { ProfileForm } from '../../capabilities/identity/ProfileForm.tsx';
import { OrdersSection } from '../../capabilities/orders/MyOrders.tsx';
import { useMyOrders } from '../../capabilities/orders/use-orders.ts';
import { useDrops, useMyPackets } from '../../capabilities/redpackets/use-drops.ts';
import { clockText } from '../../platform/format.ts';
import { languageNames, useWords } from '../../platform/i18n.ts';
import { useNow, useSession } from '../../platform/platform.tsx';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Icon, Mark } from '../../ui/Icon.tsx';
import { ProductPicture } from '../../ui/Pictures.tsx';
import { Seal, Unlit } from '../../ui/Pieces.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { FourStrokes } from '../../ui/Strokes.tsx';
import { Wallet } from './Wallet.tsx';
import './mine.css';

/** Mine: who one is here, what is to be paid and was ordered, the wallet, what is held, and where the energy came from. */
export function MinePage() {
  const { t, language } = useWords();
  const session = useSession();
  const packets = useMyPackets();
  const { holds } = useMyHolds();
  const { state } = useEnergy();
  const mine = useMyOrders();
  const [editing, setEditing] = useState(false);
  const known = packets !== null && holds !== null && state !== null;
  const isNew =
    known &&
    packets.packets.length === 0 &&
    holds.length === 0 &&
    state.history.length === 0 &&
    mine.asked.is === 'ready' &&
    mine.orders.length === 0 &&
    mine.payments.length === 0;
  return (
    <div className="list mine">
      <header className="me">
        <Seal name={session?.displayName ?? '?'} />
        <div>
          <h1>{session?.displayName ?? t('title.mine')}</h1>
          <p>{t('mine.guestSince', { language: languageNames[language] })}</p>
        </div>
        <Quiet small onPress={() => setEditing(!editing)} pressed={editing}>
          {t('mine.edit')}
        </Quiet>
      </header>
      {editing && <ProfileForm onSaved={() => setEditing(false)} />}
      {!known && <Unlit label={t('state.loading')} lines={4} />}
      {isNew && <Newcomer />}
      {known && !isNew && (
        <div className="columns">
          <div>
            {packets.packets.length > 0 ? <Wallet /> : <NoPackets />}
            <OrdersSection mine={mine} />
            <Holds />
          </div>
          <EnergyHistory />
        </div>
      )}
    </div>
  );
}

function useNextRain(): string | null {
  const { t } = useWords();
  const times = useTimes();
  const drops = useDrops();
  if (drops.is !== 'ready') return null;
  const next = drops.drops.find((drop) => drop.opensAtMs > drops.nowMs);
  return next === undefined ? null : t('mine.nextRain', { time: t('at', { time: times.short(next.opensAtMs) }) });
}

/** Four unlit lanterns on the line: nothing here yet, and where it would come from. */
function Newcomer() {
  const { t } = useWords();
  const rain = useNextRain();
  return (
    <section className="new">
      <div className="dark" aria-hidden="true">
        <svg className="wire" viewBox="0 0 390 34" preserveAspectRatio="none">
          <path
            d="M-4 0Q195 30 394 0"
            fill="none"
            stroke="#a26a14"
            strokeWidth="1.600"
            vectorEffect="non-scaling-stroke"
          />
        </svg>
        <Mark name="lantern-off" className="l l1" />
        <Mark name="lantern-off" className="l l2" />
        <Mark name="lantern-off" className="l l3" />
        <Mark name="lantern-off" className="l l4" />
      </div>
      <h2>{t('mine.newTitle')}</h2>
      <p>{t('mine.newText')}</p>
      <ul className="rows">
        <li>
          <Icon name="packets" />
          <span>
            {t('mine.packetsRow')}
            <small>{rain ?? t('mine.noPacketsText')}</small>
          </span>
          <To className="btn small" to="/packets">
            {t('mine.go')}
          </To>
        </li>
        <li>
          <Icon name="energy" />
          <span>
            {t('mine.energyRow')}
            <small>{t('energy.noHistory')}</small>
          </span>
          <To className="btn small" to="/">
            {t('mine.go')}
          </To>
        </li>
        <li>
          <Icon name="deals" />
          <span>
            {t('mine.dealsRow')}
            <small>{t('mine.dealsRowText')}</small>
          </span>
          <To className="btn small" to="/deals">
            {t('mine.go')}
          </To>
        </li>
      </ul>
    </section>
  );
}

function NoPackets() {
  const { t } = useWords();
  const rain = useNextRain();
  return (
    <section className="purse empty">
      <Mark name="med" className="med" />
      <h2>{t('mine.noPackets')}</h2>
      <p>
        {t('mine.noPacketsText')} {rain}
      </p>
      <To className="btn small" to="/packets">
        {t('packets.toPackets')}
      </To>
    </section>
  );
}

function Holds() {
  const { t, format } = useWords();
  const { holds } = useMyHolds();
  const offers = useOffers();
  const nowMs = useNow(1_000);
  const all = offers.is === 'ready' ? offers.offers : [];
  // A hold that is being paid stands above, with its payment.
  const lines = (holds ?? [])
    .filter((hold) => hold.paymentId === null)
    .flatMap((hold) => hold.lines.map((line) => ({ hold, line })));
  return (
    <section className="sec" aria-labelledby="h-holds">
      <h2 id="h-holds">{t('mine.holds')}</h2>
      {lines.length === 0 && <p className="soft">{t('mine.noHolds')}</p>}
      {lines.map(({ hold, line }) => {
        const offer = all.find((o) => o.deal.dealId === line.dealId);
        const leftMs = Math.max(0, hold.lapsesAtMs - nowMs);
        return (
          <To className="goods" key={`${hold.holdId} ${line.dealId}`} to={`/deals/${line.dealId}`}>
            {offer === undefined ? <Mark name="lantern-gold" /> : <ProductPicture product={offer.product} />}
            <div>
              <h3>{offer?.product.name ?? recordIdOf(line.dealId)}</h3>
              <small>
                <FourStrokes value={(leftMs / Math.max(1, hold.lapsesAtMs - hold.claimedAtMs)) * 4} />
                {t('mine.holdLeft', { time: clockText(leftMs) })}
              </small>
            </div>
            <span className="num">{format.money(line.priceMinor * line.quantity, line.currency, 'short')}</span>
          </To>
        );
      })}
    </section>
  );
}

/** Credits listed one by one below the stair. */
const creditsMax = 8;

function EnergyHistory() {
  const { t, format } = useWords();
  const times = useTimes();
  const { state, energy, level, tasks } = useEnergy();
  const history = state?.history ?? [];
  return (
    <section className="sec" aria-labelledby="h-history">
      <div className="titled">
        <h2 id="h-history">{t('energy.history', { number: format.number(energy) })}</h2>
        <To to="/">{t('energy.earnMore')}</To>
      </div>
      <p className="soft small">{t('energy.lit', { level })}</p>
      <EnergyStair />
      <ul className="en">
        {history.slice(0, creditsMax).map((credit) => (
          <li key={`${credit.taskId} ${credit.creditedAtMs}`}>
            <span>
              {tasks?.find((one) => recordIdOf(one.task.taskId) === recordIdOf(credit.taskId))?.task.title ??
                recordIdOf(credit.taskId).replaceAll('-', ' ')}
            </span>
            <span className="b">{times.short(credit.creditedAtMs)}</span>
            <span className="num">{t('energy.plus', { number: format.number(credit.energy) })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
