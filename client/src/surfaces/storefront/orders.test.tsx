import { createHash } from 'node:crypto';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import type { Order, OrderedThings, Payment, TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { chainStart, tie } from '@elevens/shared/src/orders/timeline.ts';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  anOrder,
  aPayment,
  paidPayment,
  placedAtMs,
  receivedOrder,
  shippedOrder,
} from '../../capabilities/orders/order-stage.ts';
import { createFeeds } from '../../platform/feeds.ts';
import { startI18n } from '../../platform/i18n.ts';
import { createIdentity } from '../../platform/identity.ts';
import { type Platform, PlatformProvider } from '../../platform/platform.tsx';
import { createQueries } from '../../platform/queries.ts';
import { createServerClock } from '../../platform/server-clock.ts';
import type { Connection, Link } from '../../platform/socket.ts';
import { OrderPage } from './OrderPage.tsx';
import { PayPage } from './PayPage.tsx';
import { en } from './words/en.ts';
import { nl } from './words/nl.ts';
import { vi } from './words/vi.ts';
import { zh } from './words/zh.ts';

const shopper: Session = {
  token: 't',
  shopperId: anOrder.shopperId,
  displayName: 'Yara',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  expiresAtMs: 4_000_000_000_000,
};

interface Kept {
  order: Order;
  payment: Payment;
  timeline: TimelineEntry[];
}
type Answer = (input: Record<string, unknown>) => unknown;

/** The products are no longer on the street: an order names them all the same. */
const things: OrderedThings = {
  products: [],
  brands: [],
  coupons: [{ id: 'row-ten', title: 'Ten off in the row', kind: 'shop' }],
};

/** The pages on a platform of its own real parts; the wire alone is the test's, and it answers like a server. */
async function stage(kept: Kept, changes: Record<string, Answer> = {}, { nowMs = placedAtMs } = {}) {
  localStorage.setItem('elevens.session.storefront', JSON.stringify(shopper));
  const state = { kept, atMs: 0 };
  const heard = new Map<string, (payload: unknown) => void>();
  const sent: { name: string; input: Record<string, unknown>; requestId: string | undefined }[] = [];
  const clock = createServerClock({ askNowMs: async () => nowMs, monotonicMs: () => state.atMs, wait: async () => {} });
  await clock.sync();
  let link: Link = { is: 'up' };
  const onLink = new Set<() => void>();
  const connection: Connection = {
    link: () => link,
    onLink(listener) {
      onLink.add(listener);
      return () => onLink.delete(listener);
    },
    async call(name) {
      const { order, payment, timeline } = state.kept;
      const replies: Record<string, unknown> = {
        'orders:one': {
          order,
          payment,
          refunds: payment.refunds,
          things,
          timeline,
          chain: { whole: true, brokenAt: null },
        },
        'orders:payment': { payment, orders: [order], things },
      };
      const reply = replies[name];
      return (
        reply === undefined ? { ok: false, fault: 'not-found', retryAfterMs: null } : { ok: true, reply }
      ) as never;
    },
    async change(name, input, requestId) {
      sent.push({ name, input, requestId });
      return changes[name]?.(input) as never;
    },
    on: () => () => {},
    start: async () => {},
    restart: async () => {},
  };
  const snapshots: Record<string, unknown> = {
    'orders:mine': { version: 1, orders: [] },
    'deals:mine': { holds: [], standing: { abandoned: 0, holdsMax: 12, untilMs: null } },
  };
  const feeds = createFeeds({
    up: () => true,
    onUp() {},
    onDown() {},
    join: async ({ feed }) => ({ position: 'n.1', snapshot: snapshots[feed] ?? {} }),
    leave() {},
    on: (event, listener) => void heard.set(event, listener),
    later: () => () => {},
  });
  const platform: Platform = {
    clock,
    identity: createIdentity({ surface: 'storefront', guests: true, roles: [], nowMs: () => clock.nowMs() }),
    connection,
    feeds,
    queries: createQueries({
      call: (name) => connection.call(name, {}),
      nowMs: () => clock.nowMs(),
      later: () => () => {},
    }),
  };
  return {
    sent,
    show(page: React.ReactNode) {
      render(<PlatformProvider platform={platform}>{page}</PlatformProvider>);
    },
    lose() {
      link = { is: 'down', tries: 1 };
      act(() => {
        for (const listener of onLink) listener();
      });
    },
    /** The server changed something, on whichever device. */
    async become(next: Partial<Kept>) {
      state.kept = { ...state.kept, ...next };
      await act(async () =>
        heard.get('orders:mine')?.({ id: shopper.shopperId, position: 'n.2', state: { version: 2 } }),
      );
    },
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
function tied(order: Order, whats: string[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  for (const what of whats) {
    const before = entries.at(-1) ?? { n: 0, hash: chainStart(order.orderId) };
    const knot = { atMs: placedAtMs, who: order.shopperId, role: 'shopper' as const, what, amountMinor: 100, note: '' };
    entries.push(tie(before, knot, sha256));
  }
  return entries;
}
const keptOf = (order: Order, payment: Payment, whats: string[]): Kept => ({
  order: { ...order, version: whats.length },
  payment,
  timeline: tied(order, whats),
});
const toPay = keptOf(anOrder, aPayment, ['placed']);
const sign = (name: RegExp) => screen.findByRole('button', { name });

beforeAll(async () => {
  const words = { en, nl, vi, zh };
  await startI18n(async (language) => words[language]);
  // The page's dialogs are the browser's own; here they only have to be there and to close.
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
    this.dispatchEvent(new Event('close'));
  };
});
beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  location.hash = '';
});
afterEach(cleanup);

describe('paying', () => {
  test('goes to the till once, however often the sign is pressed', async () => {
    const { sent, show } = await stage(toPay, {
      'orders:pay': () => ({ ok: true, reply: { payment: { ...aPayment, url: '#till' }, url: '#till' } }),
    });
    show(<PayPage paymentId={aPayment.paymentId} />);
    const button = await sign(/To the till, ¥716\.00/);
    fireEvent.click(button);
    fireEvent.click(button);
    await waitFor(() => expect(location.hash).toBe('#till'));
    fireEvent.click(button);
    expect(sent).toHaveLength(1);
    expect(button.getAttribute('aria-busy')).toBe('true');
  });

  test('asks with the same requestId after an answer was lost', async () => {
    const answers = [
      { ok: false, fault: 'unknown', retryAfterMs: 500 },
      { ok: true, reply: { payment: aPayment, url: '#till' } },
    ];
    const { sent, show } = await stage(toPay, { 'orders:pay': () => answers.shift() });
    show(<PayPage paymentId={aPayment.paymentId} />);
    fireEvent.click(await sign(/To the till/));
    await screen.findByText(en.fault.unknown);
    fireEvent.click(await sign(/To the till/));
    await waitFor(() => expect(sent).toHaveLength(2));
    expect(sent[0]?.requestId).toBeDefined();
    expect(sent[1]?.requestId).toBe(sent[0]?.requestId);
  });

  test('waits where the till was opened before, and shows what another device brought about', async () => {
    const { become, show } = await stage({ ...toPay, payment: { ...aPayment, url: '/till/1' } });
    show(<PayPage paymentId={aPayment.paymentId} />);
    const button = await sign(/Waiting for the till/);
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await become(keptOf({ ...anOrder, paidMinor: 71_600 }, paidPayment, ['placed', 'paid']));
    await screen.findByText(en.pay.paidTitle);
    await sign(/See your order/);
  });

  test('says that the bank refused, at once lights the way to another, and names things as they were sold', async () => {
    const { become, show } = await stage({ ...toPay, payment: { ...aPayment, url: '/till/1' } });
    show(<PayPage paymentId={aPayment.paymentId} />);
    await sign(/Waiting for the till/);
    await become({ payment: { ...aPayment, url: '/till/1', lastRefusedAtMs: placedAtMs + 1_000 } });
    await screen.findByText(en.pay.refusedTitle);
    expect((await sign(/Try another way to pay/)).getAttribute('aria-disabled')).not.toBe('true');
    expect(screen.getByRole('heading', { name: 'Gooseneck kettle' })).toBeDefined();
    expect(screen.getByText('Ten off in the row')).toBeDefined();
  });

  test('says of a late payment without goods what was charged and that all of it goes back', async () => {
    const late: Payment = {
      ...aPayment,
      url: '/till/1',
      state: { is: 'refunded', refundedAtMs: placedAtMs + 650_000 },
      refunds: [
        {
          reference: 'y0.lantern001-r1',
          orderId: anOrder.orderId,
          amountMinor: 71_600,
          why: 'too-late',
          state: 'asked',
          atMs: placedAtMs + 650_000,
        },
      ],
    };
    const { show } = await stage({ ...toPay, payment: late }, {}, { nowMs: placedAtMs + 660_000 });
    show(<PayPage paymentId={aPayment.paymentId} />);
    await screen.findByText(/Your ¥716\.00 arrived after the hold had lapsed.*¥716\.00 goes back to you, all of it/);
    expect(screen.getByText(/number y0\.lantern001-r1/)).toBeDefined();
    expect(screen.queryByRole('button', { name: /till/ })).toBeNull();
  });

  test('sends nothing while there is no connection, and says so on the sign', async () => {
    const { lose, sent, show } = await stage(toPay);
    show(<PayPage paymentId={aPayment.paymentId} />);
    const button = await sign(/To the till/);
    lose();
    expect(button.textContent).toContain(en.pay.sign.offline);
    fireEvent.click(button);
    fireEvent.click(screen.getByRole('button', { name: en.pay.letGo }));
    expect(sent).toEqual([]);
    // What was known is still shown.
    expect(screen.getByText('Gooseneck kettle')).toBeDefined();
  });
});

describe('an order', () => {
  const shipped = keptOf(shippedOrder, paidPayment, ['placed', 'paid', 'shipped']);
  const received = keptOf(receivedOrder, paidPayment, ['placed', 'paid', 'shipped', 'received']);

  test('is checked in the browser, and named where it is broken', async () => {
    const { become, show } = await stage(received);
    show(<OrderPage orderId={anOrder.orderId} />);
    await screen.findByText(en.order.whole);
    const timeline = received.timeline.map((entry) => (entry.n === 3 ? { ...entry, amountMinor: 1 } : entry));
    await become({ timeline });
    await screen.findByText('broken at entry 3');
    expect(screen.getByText(/The cord is cut here: entry 3/)).toBeDefined();
  });

  test('asks once before money is released, and says to whom it goes', async () => {
    const { sent, show } = await stage(shipped, {
      'orders:receive': () => ({ ok: true, reply: { order: received.order } }),
    });
    show(<OrderPage orderId={anOrder.orderId} />);
    fireEvent.click(await sign(/It came in good condition/));
    expect(sent).toEqual([]);
    const sheet = screen.getByRole('dialog');
    expect(within(sheet).getByText(/¥716\.00 then goes from escrow to Kettle row/)).toBeDefined();
    fireEvent.click(within(sheet).getByRole('button', { name: 'Yes, release ¥716.00' }));
    await waitFor(() => expect(sent.map(({ name }) => name)).toEqual(['orders:receive']));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });

  test('gives back chosen units for their exact amount, with a reason', async () => {
    const { sent, show } = await stage(received, {
      'orders:refund': () => ({ ok: true, reply: { order: received.order, refundMinor: 39_134 } }),
    });
    show(<OrderPage orderId={anOrder.orderId} />);
    fireEvent.click(await sign(/Give it back, ¥716\.00 comes back/));
    const sheet = screen.getByRole('dialog');
    fireEvent.click(within(sheet).getByRole('button', { name: 'One less of Gooseneck kettle' }));
    fireEvent.click(within(sheet).getByRole('button', { name: 'One less of Iron pan' }));
    const give = within(sheet).getByRole('button', { name: /Give back, ¥391\.3[34] comes back/ });
    fireEvent.click(give);
    within(sheet).getByText(en.order.reasonMissing);
    expect(sent).toEqual([]);
    fireEvent.change(within(sheet).getByRole('textbox'), { target: { value: '  One has a dent ' } });
    fireEvent.click(give);
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(sent[0]?.input).toEqual({
      orderId: anOrder.orderId,
      reason: 'One has a dent',
      lines: [{ dealId: 'kettle~1', quantity: 2 }],
    });
  });

  test('says the last moment to give it back to the second, in more than one place', async () => {
    const { show } = await stage(received);
    show(<OrderPage orderId={anOrder.orderId} />);
    await screen.findByText(en.order.whole);
    expect(screen.getAllByText(/\d{1,2} January 1970 at \d\d:\d\d:\d\d/).length).toBeGreaterThanOrEqual(2);
  });

  test('that is refused says why, and what it is now', async () => {
    const { show } = await stage(shipped, {
      'orders:dispute': () => ({ ok: false, why: 'wrong-state', state: 'received' }),
    });
    show(<OrderPage orderId={anOrder.orderId} />);
    fireEvent.click(await sign(/Something is wrong/));
    fireEvent.change(screen.getByRole('textbox'), { target: { value: 'Empty box' } });
    fireEvent.click(screen.getByRole('button', { name: en.order.disputeYes }));
    await screen.findByText('Meanwhile it has moved on: it is received. The page shows it as it is now.');
  });
});
