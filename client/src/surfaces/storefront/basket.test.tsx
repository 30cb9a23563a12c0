import type { Brand, Product } from '@elevens/shared/src/catalogue/records.ts';
import type { Deal, Hold } from '@elevens/shared/src/deals/contract.ts';
import { priceBasket } from '@elevens/shared/src/deals/pricing/price.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { wanted } from '../../capabilities/deals/use-wanted.ts';
import { createFeeds } from '../../platform/feeds.ts';
import { startI18n } from '../../platform/i18n.ts';
import { createIdentity } from '../../platform/identity.ts';
import { type Platform, PlatformProvider } from '../../platform/platform.tsx';
import { createQueries } from '../../platform/queries.ts';
import { createServerClock } from '../../platform/server-clock.ts';
import type { Connection } from '../../platform/socket.ts';
import { BasketPage } from './BasketPage.tsx';
import { DealPage } from './DealPage.tsx';
import { en } from './words/en.ts';

const nowMs = 1_800_000_000_000;
const shopper: Session = {
  token: 't',
  shopperId: 's_yara',
  displayName: 'Yara',
  locale: 'en',
  roles: ['shopper'],
  brandId: null,
  expiresAtMs: 4_000_000_000_000,
};
const brand: Brand = {
  id: 'kettle-row',
  name: 'Kettle Row',
  tagline: 'Iron and hot water.',
  logo: { form: 'gate', cut: 'steam', tone: '#d8472f', on: '#fff1da' },
};
const productOf = (id: string): Product => ({
  id: `${id}-ware`,
  brandId: brand.id,
  name: `The ${id}`,
  blurb: 'Holds the heat.',
  listMinor: 39_900,
  unit: id,
  picture: {
    shape: 'kettle',
    tone: ['#c2452d', '#8e2f1f', '#e8735a'],
    accent: '#f4bc52',
    ground: '#2a1512',
    proportion: 100,
  },
});
const stock = { total: 10, free: 4, held: 6, sold: 0, paused: false, soldOut: false, waiting: 0 };
const dealOf = (dealId: string, priceMinor: number): Deal => ({
  dealId,
  productId: `${dealId}-ware`,
  brandId: brand.id,
  currency: 'CNY',
  listMinor: 39_900,
  priceMinor,
  limitPerShopper: 1,
  holdMs: 600_000,
  opensAtMs: nowMs - 60_000,
  closesAtMs: nowMs + 3_600_000,
  terms: 2,
  early: [],
  presale: null,
  lowMinor: 24_900,
  stock,
});
const deals = [dealOf('kettle', 19_900), dealOf('pan', 12_900)];
const holdOf = (...dealIds: string[]): Hold => ({
  holdId: 'h0.abcdefgh12',
  kind: 'hold',
  paymentId: null,
  lines: deals
    .filter((deal) => dealIds.includes(deal.dealId))
    .map(({ dealId, priceMinor }) => ({ dealId, quantity: 1, priceMinor, currency: 'CNY' })),
  claimedAtMs: nowMs,
  lapsesAtMs: nowMs + 600_000,
});

/** What the server sums up, by the same pure function. */
function quoteOf(lines: { dealId: string; quantity: number }[]) {
  return priceBasket({
    lines: lines.flatMap(({ dealId, quantity }) => {
      const deal = deals.find((one) => one.dealId === dealId);
      if (deal === undefined) return [];
      const { productId, brandId, listMinor, priceMinor: unitMinor } = deal;
      return [{ dealId, quantity, productId, brandId, listMinor, unitMinor }];
    }),
    coupons: [],
    currency: 'CNY',
    level: 0,
    nowMs,
  });
}

type Change = (input: Record<string, unknown>) => unknown;

/** The pages on a platform of its own real parts; the wire alone is the test's, and it answers like a server. */
async function stage(holds: Hold[], changes: Record<string, Change> = {}) {
  localStorage.setItem('elevens.session.storefront', JSON.stringify(shopper));
  const heard = new Map<string, (payload: unknown) => void>();
  const sent: { name: string; input: Record<string, unknown>; requestId: string | undefined }[] = [];
  const clock = createServerClock({ askNowMs: async () => nowMs, monotonicMs: () => 0, wait: async () => {} });
  await clock.sync();
  const connection: Connection = {
    link: () => up,
    onLink: () => () => {},
    async call(name, input) {
      if (name === 'deals:list') {
        const products = deals.map((deal) => productOf(deal.dealId));
        return { ok: true, reply: { nowMs, version: 1, deals, products, brands: [brand] } } as never;
      }
      if (name === 'orders:quote')
        return {
          ok: true,
          reply: quoteOf((input as { lines: { dealId: string; quantity: number }[] }).lines),
        } as never;
      if (name === 'deals:places') return { ok: true, reply: { places: [] } } as never;
      return { ok: false, fault: 'not-found', retryAfterMs: null } as never;
    },
    async change(name, input, requestId) {
      const given: Record<string, unknown> = { ...input };
      sent.push({ name, input: given, requestId });
      return (await changes[name]?.(given)) as never;
    },
    on: () => () => {},
    start: async () => {},
    restart: async () => {},
  };
  const standing = { abandoned: 0, holdsMax: 12, untilMs: null };
  const snapshots: Record<string, unknown> = { 'deals:mine': { holds, standing }, 'deals:stock': stock };
  const feeds = createFeeds({
    up: () => true,
    onUp() {},
    onDown() {},
    join: async ({ feed }) =>
      feed in snapshots ? { position: 'n.1', snapshot: snapshots[feed] } : { refused: 'unknown-id' },
    leave() {},
    on: (event, listener) => void heard.set(event, listener),
    later: () => () => {},
  });
  const platform: Platform = {
    clock,
    identity: createIdentity({ surface: 'storefront', guests: true, roles: [], nowMs: () => nowMs }),
    connection,
    feeds,
    queries: createQueries({
      call: (name) => connection.call(name, {}),
      nowMs: () => nowMs,
      later: () => () => {},
    }),
  };
  return {
    sent,
    show: (page: React.ReactNode) => render(<PlatformProvider platform={platform}>{page}</PlatformProvider>),
    /** What the shopper holds is something else now, on whichever device it was done. */
    hold: (now: Hold[]) =>
      act(async () =>
        heard.get('deals:mine')?.({ id: shopper.shopperId, position: 'n.2', state: { holds: now, standing } }),
      ),
  };
}
const up = { is: 'up' } as const;
const patience = { timeout: 4_000 };
/** Ready, and meant: a sign that has just changed its act is busy for the length of a second tap. */
const ready = async (name: RegExp): Promise<HTMLElement> => {
  const find = () => screen.getByRole('button', { name });
  await waitFor(() => expect(find().getAttribute('aria-disabled')).toBeNull(), patience);
  return find();
};
const lost = () => ({ ok: false, fault: 'unknown', retryAfterMs: 500 });

beforeAll(() => startI18n(async () => en));
beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  wanted.take(['kettle', 'pan']);
  history.replaceState(null, '', '/basket');
  window.scrollTo = () => {};
});
afterEach(cleanup);

describe('a claim', () => {
  test('that was answered by nobody is asked for again under its own requestId, and never twice', async () => {
    const { sent, show } = await stage([], { 'deals:claim': lost });
    show(<DealPage dealId="kettle" />);
    const sign = await ready(/^Claim one for ¥199/);
    fireEvent.click(sign);
    fireEvent.click(sign);
    fireEvent.click(await ready(/^Ask again/));
    await waitFor(() => expect(sent).toHaveLength(2));
    expect(new Set(sent.map((one) => one.requestId)).size).toBe(1);
  });

  test('turns into paying only after the second of two quick taps has passed', async () => {
    const { sent, show, hold } = await stage([], { 'deals:claim': () => ({ ok: true, reply: holdOf('kettle') }) });
    show(<DealPage dealId="kettle" />);
    fireEvent.click(await ready(/^Claim one for ¥199/));
    await hold([holdOf('kettle')]);
    const pay = await screen.findByRole('button', { name: /^Pay ¥199/ });
    fireEvent.click(pay);
    expect(sent.map((one) => one.name)).toEqual(['deals:claim']);
    await ready(/^Pay ¥199/);
  });
});

describe('the basket', () => {
  test('holds all that is wanted by one claim, and takes it out of the list once it is held', async () => {
    wanted.put({ dealId: 'kettle', quantity: 1 });
    wanted.put({ dealId: 'pan', quantity: 1 });
    const { sent, show } = await stage([], { 'deals:claim': () => ({ ok: true, reply: holdOf('kettle', 'pan') }) });
    show(<BasketPage />);
    fireEvent.click(await ready(/^Hold all 2 for 10 minutes/));
    await waitFor(() => expect(wanted.read()).toEqual([]));
    expect(sent.map(({ name, input }) => ({ name, input }))).toEqual([
      {
        name: 'deals:claim',
        input: {
          lines: [
            { dealId: 'kettle', quantity: 1, terms: 2 },
            { dealId: 'pan', quantity: 1, terms: 2 },
          ],
        },
      },
    ]);
  });

  test('names the line that cannot be had, holds nothing, and says what can be done', async () => {
    wanted.put({ dealId: 'kettle', quantity: 1 });
    wanted.put({ dealId: 'pan', quantity: 1 });
    const { show } = await stage([], {
      'deals:claim': () => ({ ok: false, why: 'limit-reached', dealId: 'pan', limit: 1, taken: 1 }),
    });
    show(<BasketPage />);
    fireEvent.click(await ready(/^Hold all 2/));
    expect((await screen.findByRole('alert')).textContent).toContain('Nothing was held: The pan could not be had.');
    const aside = within(screen.getByRole('region', { name: en.basket.gone }));
    expect(aside.getByText('The pan')).toBeDefined();
    fireEvent.click(aside.getByRole('button', { name: en.basket.takeOut }));
    await ready(/^Hold it for 10 minutes/);
    expect(wanted.read()).toEqual([{ dealId: 'kettle', quantity: 1 }]);
  });

  test('orders only at a sum that was shown: one that moved is told, and asked for again', async () => {
    const totals: unknown[] = [];
    const { show } = await stage([holdOf('kettle', 'pan')], {
      'orders:place': ({ totalMinor }) => {
        totals.push(totalMinor);
        return totals.length === 1
          ? { ok: false, why: 'price-moved', totalMinor: 30_000 }
          : { ok: false, why: 'being-paid', holdId: 'h0.abcdefgh12', paymentId: 'y0.abcdefgh12' };
      },
    });
    show(<BasketPage />);
    fireEvent.click(await ready(/^Pay ¥328\.00/));
    expect((await screen.findByRole('alert')).textContent).toContain('from ¥328.00 to ¥300.00');
    fireEvent.click(await ready(/^Pay ¥300\.00/));
    // Another tab was first: its payment is the one to go to.
    await waitFor(() => expect(location.pathname).toBe('/pay/y0.abcdefgh12'));
    expect(totals).toEqual([32_800, 30_000]);
  });

  test('goes on with an order that a reload interrupted, under the same requestId', async () => {
    const first = await stage([holdOf('kettle')], { 'orders:place': () => new Promise(() => {}) });
    first.show(<BasketPage />);
    fireEvent.click(await ready(/^Pay ¥199\.00/));
    await waitFor(() => expect(first.sent).toHaveLength(1));
    cleanup();
    const reply = { payment: { paymentId: 'y0.abcdefgh12' }, orders: [] };
    const second = await stage([holdOf('kettle')], { 'orders:place': () => ({ ok: true, reply }) });
    second.show(<BasketPage />);
    await waitFor(() => expect(location.pathname).toBe('/pay/y0.abcdefgh12'));
    expect(second.sent.map((one) => one.requestId)).toEqual([first.sent[0]?.requestId]);
  });

  test('that is empty says so, and where things are', async () => {
    const { show } = await stage([]);
    show(<BasketPage />);
    await screen.findByText(en.basket.emptyTitle);
    expect(screen.getByRole('link', { name: en.deals.toDeals }).getAttribute('href')).toBe('/deals');
  });
});
