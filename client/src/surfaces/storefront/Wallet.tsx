import { Amount } from '../../capabilities/deals/Price.tsx';
import { useMyPackets } from '../../capabilities/redpackets/use-drops.ts';
import { useWords } from '../../platform/i18n.ts';
import { To } from '../../platform/router.tsx';
import { useTimes } from '../../platform/use-places.ts';
import { Mark } from '../../ui/Icon.tsx';

/** Packets shown under the flap; the rest is in the sum. */
const shownMax = 8;

/** The wallet: what the packets of the evening add up to, and the last of them. */
export function Wallet() {
  const { t, format } = useWords();
  const times = useTimes();
  const mine = useMyPackets();
  if (mine === null || mine.packets.length === 0) return null;
  return (
    <section className="purse" aria-labelledby="h-wallet">
      <Mark name="med" className="med" />
      <h2 id="h-wallet">{t('mine.wallet')}</h2>
      <span className="n">
        <Amount minor={mine.walletMinor} currency={mine.currency} how="full" />
      </span>
      <p>{t('mine.walletNote', { count: mine.packets.length })}</p>
      <ul className="pks" aria-label={t('mine.packets')}>
        {mine.packets.slice(0, shownMax).map((packet) => (
          <li key={packet.dropId}>
            <To to={`/packets/${packet.dropId}`}>
              <Mark name="packet" />
              <span className="vh">{packet.title} </span>
              <span className="num">{format.money(packet.amountMinor, mine.currency)}</span>
              {times.short(packet.openedAtMs)}
            </To>
          </li>
        ))}
      </ul>
    </section>
  );
}
