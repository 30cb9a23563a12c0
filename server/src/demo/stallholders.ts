import type { Order } from '@elevens/shared/src/orders/contract.ts';
import type { Clock } from '../platform/clock.ts';
import type { Gateway } from '../platform/gateway.ts';

/** A paid order lies on the counter this long before it is sent, so that its buyer can still see it there. */
const packMs = 20_000;
/** Pages of a brand's orders looked through in one round: older ones were sent by earlier rounds. */
const pagesMax = 5;

/**
 * The demo's stallholders: they send what was paid, over the same door as a brand's own people. Any node may do it at any
 * time; who comes second finds the order sent.
 */
export function createStallholders({
  gateway,
  clock,
  brands,
}: {
  gateway: Pick<Gateway, 'call'>;
  clock: Pick<Clock, 'nowMs'>;
  brands: () => readonly { id: string; name: string }[];
}): { look(): Promise<void> } {
  function doorOf(brand: { id: string; name: string }) {
    const person = {
      shopperId: `u_demo-${brand.id}`.slice(0, 42),
      displayName: brand.name,
      locale: 'en' as const,
      roles: ['brand'] as const,
      brandId: brand.id,
      simulated: false,
    };
    return (name: string, input: object) =>
      gateway.call({ name, input, person, address: `demo:${brand.id}`, socket: null });
  }

  async function sendFor(brand: { id: string; name: string }): Promise<void> {
    const call = doorOf(brand);
    let before: number | undefined;
    for (let page = 0; page < pagesMax; page++) {
      const found = await call('orders:sold', { brandId: brand.id, ...(before === undefined ? {} : { before }) });
      if (!found.ok) return;
      const { orders, more } = found.reply as { orders: Order[]; more: boolean };
      for (const { orderId, state } of orders) {
        if (state.is !== 'paid' || state.paidAtMs + packMs > clock.nowMs()) continue;
        await call('orders:ship', {
          requestId: `ship-${orderId.replace('.', '-')}`,
          orderId,
          carrier: 'Lantern Post',
          tracking: `LP-${orderId.slice(-6).toUpperCase()}`,
        });
      }
      before = orders.at(-1)?.placedAtMs;
      if (!more || before === undefined) return;
    }
  }

  return {
    async look() {
      for (const brand of brands()) await sendFor(brand);
    },
  };
}
