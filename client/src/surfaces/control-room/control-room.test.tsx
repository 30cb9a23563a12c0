import type { LawName, Wall } from '@elevens/shared/src/control/contract.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFeeds } from '../../platform/feeds.ts';
import { startI18n } from '../../platform/i18n.ts';
import { createIdentity } from '../../platform/identity.ts';
import { type Platform, PlatformProvider } from '../../platform/platform.tsx';
import { createQueries } from '../../platform/queries.ts';
import { createServerClock } from '../../platform/server-clock.ts';
import type { Connection } from '../../platform/socket.ts';
import { App } from './App.tsx';
import { en } from './words/en.ts';
import { nl } from './words/nl.ts';
import { vi } from './words/vi.ts';
import { zh } from './words/zh.ts';

const nowMs = 1_800_000_000_000;
const law = (name: LawName) => ({
  law: name,
  state: 'whole' as const,
  sum: 'all of it',
  checkedAtMs: nowMs,
  checked: 4,
  sinceMs: nowMs - 60_000,
  evidence: [],
  acts: [],
});
const point = { atMs: nowMs, people: 3, claims: 2, holds: 1, messages: 0, packets: 0, crowdClaims: 9 };
const wall: Wall = {
  atMs: nowMs,
  version: 7,
  currency: 'CNY',
  people: { total: 3, bySurface: { storefront: 2, 'control-room': 1 } },
  point,
  rates: { claims: 2, holds: 1.2, messages: 0, packets: 0 },
  totals: {
    claims: 20,
    holds: 12,
    units: 14,
    heldMinor: 123_450,
    lapsed: 1,
    released: 0,
    messages: 5,
    packets: 2,
    packetsMinor: 888,
    energy: 111,
  },
  crowd: { here: 12, claimsPerSecond: 3.4, claims: 900, holds: 700, messages: 41, packets: 30 },
  deals: [
    {
      dealId: 'kettle~3',
      title: 'Iron kettle',
      total: 60,
      free: 51,
      held: 10,
      sold: 0,
      soldOut: false,
      waiting: 0,
      paused: false,
      opensAtMs: nowMs - 60_000,
      closesAtMs: nowMs + 60_000,
    },
  ],
  drops: [],
  laws: [law('stock'), law('holds'), law('money'), law('coupons'), law('packets'), law('energy')],
  nodes: [
    { node: 'node-1', sockets: 15, loopLagMs: 2, queueBytes: 0, cpuShare: 0.2, seenAtMs: nowMs, draining: false },
  ],
  redis: [{ name: 'redis', ok: true, pingMs: 0.3, usedBytes: 3e6, clients: 4, durability: 'fsync', aof: 'ok' }],
};
const operator: Session = {
  token: 't',
  shopperId: 'u_ada',
  displayName: 'Ada',
  locale: 'en',
  roles: ['shopper', 'operator'],
  brandId: null,
  expiresAtMs: 4_000_000_000_000,
};

/** The page on a platform of its own real parts; the wire alone is the test's, and it answers like a server. */
async function open(shown: Wall | null, session: Session | null = operator) {
  if (session !== null) localStorage.setItem('elevens.session.control-room', JSON.stringify(session));
  const heard = new Map<string, (payload: unknown) => void>();
  const sent: { name: string; input: object }[] = [];
  const clock = createServerClock({ askNowMs: async () => nowMs, monotonicMs: () => 0, wait: async () => {} });
  await clock.sync();
  const connection: Connection = {
    link: () => up,
    onLink: () => () => {},
    async call(name) {
      return { ok: true, reply: name === 'control:history' ? { points: [] } : {} } as never;
    },
    async change(name, input) {
      sent.push({ name, input });
      return { ok: true, reply: { paused: true } } as never;
    },
    on: () => () => {},
    start: async () => {},
    restart: async () => {},
  };
  const feeds = createFeeds({
    up: () => true,
    onUp() {},
    onDown() {},
    join: async () => (shown === null ? { refused: 'unknown-id' } : { position: 'n.1', snapshot: shown }),
    leave() {},
    on: (event, listener) => void heard.set(event, listener),
    later: () => () => {},
  });
  const platform: Platform = {
    clock,
    // A role that does not fit is not kept by the storage, but may come by signing in: no role is asked for here.
    identity: createIdentity({ surface: 'control-room', guests: false, roles: [], nowMs: () => nowMs }),
    connection,
    feeds,
    queries: createQueries({
      call: async () => ({ ok: false, fault: 'unavailable', retryAfterMs: 1_000 }),
      nowMs: () => nowMs,
      later: () => () => {},
    }),
  };
  await act(async () => {
    render(
      <PlatformProvider platform={platform}>
        <App link="none" />
      </PlatformProvider>,
    );
  });
  return {
    sent,
    /** What the feed brings next. */
    bring: (state: Partial<Wall>) =>
      act(async () => heard.get('control:wall')?.({ id: 'all', position: `n.${Object.keys(state).join()}`, state })),
  };
}
const up = { is: 'up' } as const;

beforeAll(() => startI18n(async () => en));
beforeEach(() => localStorage.clear());
afterEach(cleanup);

const figure = (name: string) => screen.getByRole('region', { name });
const evidence = [
  { subject: 'kettle~3: free + held + sold', expected: 60, found: 61, sinceMs: nowMs - 9_000 },
  { subject: 'kettle~3: free', expected: 50, found: 51, sinceMs: nowMs - 9_000 },
];

describe('the laws', () => {
  test('six whole laws raise no alarm', async () => {
    await open(wall);
    expect(within(screen.getByRole('region', { name: en.laws.title })).getAllByText('whole')).toHaveLength(6);
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('a law that is adrift says by how much, and lays its sum on the table with the missing term', async () => {
    await open({ ...wall, laws: [{ ...law('stock'), state: 'adrift', evidence }, ...wall.laws.slice(1)] });
    const laws = within(screen.getByRole('region', { name: en.laws.title }));
    expect(laws.getByText('1 too many')).toBeDefined();
    expect(laws.getAllByText('whole')).toHaveLength(5);
    expect(within(screen.getByRole('alert')).getByRole('heading').textContent).toBe('Stock does not add up');
    const shown = figure('Stock: the evidence').textContent ?? '';
    expect(shown).toMatch(/Iron kettle.*60the ledger says=51free\+10held\+0sold−1too many/);
    expect(shown).toContain('Iron kettle: free: the ledger says 50, found 51');
  });

  test('what was paused by itself is said, with its name and when, and that everything else goes on', async () => {
    const acts = [
      { kind: 'deal' as const, id: 'kettle~3', atMs: nowMs - 7_000 },
      { kind: 'deal' as const, id: 'pan~1', atMs: nowMs - 7_000 },
    ];
    await open({ ...wall, laws: [{ ...law('stock'), state: 'adrift', evidence, acts }, ...wall.laws.slice(1)] });
    const alarm = screen.getByRole('alert').textContent ?? '';
    expect(alarm).toMatch(
      /Elevens paused Iron kettle by itself at .*1 more was stopped as well\. Everything else goes on/,
    );
    expect(alarm).not.toContain('Pause what is affected');
    expect(figure('Stock: the evidence').textContent).toMatch(/Iron kettle was paused by itself at .*pan~1 was paused/);
  });

  test('a difference of money is shown as money, and nobody is told to pause anything', async () => {
    const found = {
      subject: 'o0.abc: in escrow',
      expected: 123_450,
      found: 123_400,
      minor: true as const,
      sinceMs: nowMs,
      about: { kind: 'order' as const, id: 'o0.abc' },
    };
    const money = { ...law('money'), state: 'adrift' as const, evidence: [found] };
    await open({ ...wall, laws: wall.laws.map((one) => (one.law === 'money' ? money : one)) });
    expect(within(screen.getByRole('region', { name: en.laws.title })).getByText(/0\.50 missing/)).toBeDefined();
    const alarm = screen.getByRole('alert').textContent ?? '';
    expect(alarm).toMatch(
      /Money does not add up.*o0\.abc: in escrow: the ledger says .*1,234\.50, found .*1,234\.00\. Look into it/,
    );
  });

  test('a law that could not be counted is unknown, and that is something to watch', async () => {
    await open({ ...wall, laws: [...wall.laws.slice(0, 5), { ...law('energy'), state: 'unknown' }] });
    expect(within(screen.getByRole('region', { name: en.laws.title })).getByText('unknown')).toBeDefined();
    expect(screen.getByRole('alert').textContent).toContain('Energy cannot be counted');
  });
});

describe('the figures', () => {
  test('the demo crowd is never among the people, and has its own small figure', async () => {
    await open(wall);
    expect(figure(en.people.title).textContent).toMatch(/^People here now3/);
    expect(figure(en.crowd.title).textContent).toContain('12 here, 3.4 claims a second');
  });

  test('figures that stopped keep their numbers, lose their light and say their age, until fresh ones come', async () => {
    const { bring } = await open({ ...wall, atMs: nowMs - 14_000 });
    const worth = figure(en.worth.title);
    expect(worth.classList).toContain('old');
    expect(worth.textContent).toContain('1,234');
    expect(worth.textContent).toContain('14 secs old');
    expect(screen.getByText(en.top.oldTag)).toBeDefined();
    expect(within(screen.getByRole('region', { name: en.laws.title })).getAllByText('unknown')).toHaveLength(6);
    expect(screen.getByRole('alert').textContent).toContain('Figures stopped');

    await bring({ atMs: nowMs });
    expect(figure(en.worth.title).classList).not.toContain('old');
    expect(figure(en.worth.title).textContent).not.toContain('secs old');
    expect(screen.queryByText(en.top.oldTag)).toBeNull();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  test('old figures do not take back a law that was found adrift', async () => {
    const broken = { ...law('stock'), state: 'adrift' as const, evidence };
    await open({ ...wall, atMs: nowMs - 14_000, laws: [broken, ...wall.laws.slice(1)] });
    const laws = within(screen.getByRole('region', { name: en.laws.title }));
    expect(laws.getByText('1 too many')).toBeDefined();
    expect(laws.getAllByText('unknown')).toHaveLength(5);
    expect(screen.getByRole('alert').textContent).toContain('Stock does not add up');
  });
});

describe('pausing a deal', () => {
  const key = () => screen.getByRole('button', { name: 'Pause Iron kettle' });

  test('it asks once, for a reason, with the field in focus, and sends what was asked', async () => {
    const { sent } = await open(wall);
    expect(key().tabIndex).toBe(0);
    fireEvent.click(key());
    const form = screen.getByRole('form', { name: 'Pause Iron kettle?' });
    const field = within(form).getByRole('textbox', { name: en.act.why });
    expect(document.activeElement).toBe(field);
    expect(sent).toEqual([]);

    fireEvent.submit(form);
    expect(within(form).getByRole('status').textContent).toBe(en.act.whyMissing);
    expect(sent).toEqual([]);

    fireEvent.change(field, { target: { value: ' the price is wrong ' } });
    fireEvent.submit(form);
    await waitFor(() => expect(screen.queryByRole('form')).toBeNull());
    expect(sent).toEqual([
      { name: 'deals:pause', input: { dealId: 'kettle~3', paused: true, reason: 'the price is wrong' } },
    ]);
    // What was done shows at once, and the focus is where it was.
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Resume Iron kettle' }));
  });

  test('Escape leaves the deal as it is and gives the focus back', async () => {
    const { sent } = await open(wall);
    fireEvent.click(key());
    fireEvent.keyDown(screen.getByRole('textbox'), { key: 'Escape' });
    expect(screen.queryByRole('form')).toBeNull();
    expect(document.activeElement).toBe(key());
    expect(sent).toEqual([]);
  });

  test('a paused deal offers to resume it instead', async () => {
    const { sent } = await open({ ...wall, deals: wall.deals.map((deal) => ({ ...deal, paused: true })) });
    fireEvent.click(screen.getByRole('button', { name: 'Resume Iron kettle' }));
    fireEvent.change(screen.getByRole('textbox'), { target: { value: 'mended' } });
    fireEvent.submit(screen.getByRole('form'));
    await waitFor(() => expect(sent).toHaveLength(1));
    expect(sent[0]?.input).toEqual({ dealId: 'kettle~3', paused: false, reason: 'mended' });
  });
});

describe('the door', () => {
  test('whoever is not signed in is told how to, also by the link that a demo prints', async () => {
    await open(wall, null);
    expect(screen.getByRole('heading', { name: en.signIn.title })).toBeDefined();
    expect(screen.getByRole('textbox', { name: en.signIn.name })).toBeDefined();
    expect(screen.getByText(en.signIn.demo)).toBeDefined();
    expect(screen.queryByRole('region')).toBeNull();
  });

  test('a sign-in without a name or password is not sent, and says what is missing', async () => {
    await open(wall, null);
    fireEvent.click(screen.getByRole('button', { name: en.signIn.do }));
    expect(screen.getByRole('alert').textContent).toBe(en.signIn.missing);
  });

  test('someone who is no operator is told so, and can sign in as someone else', async () => {
    await open(wall, { ...operator, displayName: 'Kettle Row', roles: ['shopper', 'brand'] });
    expect(screen.getByRole('heading', { name: en.notOperator.title })).toBeDefined();
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name: en.notOperator.do }));
    });
    expect(screen.getByRole('heading', { name: en.signIn.title })).toBeDefined();
  });
});

describe('the words', () => {
  /** Every leaf by its path, with the values it wants. */
  function leaves(words: object, path = ''): Map<string, string> {
    return new Map(
      Object.entries(words).flatMap(([key, value]) =>
        typeof value === 'string'
          ? [[path + key, [...value.matchAll(/\{\{\w+\}\}/g)].map(String).toSorted().join()] as const]
          : [...leaves(value as object, `${path}${key}.`)],
      ),
    );
  }

  test.each([
    ['zh', zh],
    ['nl', nl],
    ['vi', vi],
  ])('%s says everything that English says, with the same values', (_, words) => {
    expect(leaves(words)).toEqual(leaves(en));
  });
});
