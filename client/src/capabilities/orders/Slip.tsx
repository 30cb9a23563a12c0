import type { Order } from '@elevens/shared/src/orders/contract.ts';
import { useWords } from '../../platform/i18n.ts';
import type { Things } from './use-orders.ts';

export interface Sum {
  listMinor: number;
  festivalMinor: number;
  coupons: { couponId: string; minor: number }[];
  /** What a presale's deposit grew by. */
  grownMinor: number;
  totalMinor: number;
}

/** How the total of orders comes about, from their own lines. */
export function sumOf(orders: readonly Order[]): Sum {
  const lines = orders.flatMap((order) => order.lines);
  const add = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const listMinor = add(lines.map((line) => line.listMinor * line.quantity));
  const unitsMinor = add(lines.map((line) => line.unitMinor * line.quantity));
  const byCoupon = new Map<string, number>();
  for (const share of lines.flatMap((line) => line.shares))
    byCoupon.set(share.couponId, (byCoupon.get(share.couponId) ?? 0) + share.minor);
  const totalMinor = add(orders.map((order) => order.totalMinor));
  const couponsMinor = add([...byCoupon.values()]);
  return {
    listMinor,
    festivalMinor: listMinor - unitsMinor,
    coupons: [...byCoupon].map(([couponId, minor]) => ({ couponId, minor })),
    grownMinor: unitsMinor - couponsMinor - totalMinor,
    totalMinor,
  };
}

/** The receipt of an order or a payment: it states only what its lines say, and it adds up. */
export function Slip({ orders, things }: { orders: readonly Order[]; things: Things }) {
  const { t, format } = useWords();
  const [first] = orders;
  if (first === undefined) return null;
  const sum = sumOf(orders);
  const money = (minor: number): string => format.money(minor, first.currency);
  return (
    <section className="slip torn" aria-label={t('order.slip')}>
      <h2>{t('deals.proof', { amount: format.money(sum.totalMinor, first.currency, 'short') })}</h2>
      <dl>
        <dt>{t('deals.proofList')}</dt>
        <dd>{money(sum.listMinor)}</dd>
        {sum.festivalMinor > 0 && (
          <>
            <dt>{t('order.festival')}</dt>
            <dd>−{money(sum.festivalMinor)}</dd>
          </>
        )}
        {sum.coupons.map((coupon) => (
          <div className="pair" key={coupon.couponId}>
            <dt>{things.couponTitle(coupon.couponId)}</dt>
            <dd>−{money(coupon.minor)}</dd>
          </div>
        ))}
        {sum.grownMinor > 0 && (
          <>
            <dt>{t('order.grown')}</dt>
            <dd>−{money(sum.grownMinor)}</dd>
          </>
        )}
        <dt className="sum">{t('deals.proofPay')}</dt>
        <dd className="sum">{money(sum.totalMinor)}</dd>
      </dl>
      {first.presale !== null && (
        <p>
          {t('order.presaleSum', {
            deposit: money(first.presale.depositMinor),
            worth: money(first.presale.depositWorthMinor),
            balance: money(first.presale.balanceMinor),
          })}
        </p>
      )}
    </section>
  );
}
