import { describe, expect, test } from 'vitest';
import { kindOf, lotOf } from '../deals/records.ts';
import { occurrencesBetween, parseWhen } from '../time.ts';
import { brandOf, festivalJsonSchema, readFestival, recordKinds, recordsPerKindMax, referencesOf } from './festival.ts';
import { everOverlap } from './overlap.ts';

const picture = {
  shape: 'pan',
  tone: ['#4a4048', '#231c26', '#cdb9a6'],
  accent: '#a8632c',
  ground: '#5a2417',
  proportion: 100,
};
const logo = { form: 'gate', cut: 'steam', tone: '#d8472f', on: '#fff1da' };
const deal = {
  id: 'pan-deal',
  productId: 'pan',
  when: 'every 10m for 3m',
  priceMinor: 900,
  total: 5,
  limitPerShopper: 1,
  hold: '1m',
};

const brandCoupon = {
  id: 'pans',
  title: 'Off pans',
  kind: 'brand',
  brandId: 'row' as string | undefined,
  offMinor: 100,
  fromMinor: 1_000,
  repeats: false,
  when: '+0s for 1h',
  usesPerShopper: 1,
  total: 10,
  stacksWith: ['cross-brand'],
};

function presale(change: object) {
  return {
    depositMinor: 100,
    depositWorthMinor: 200,
    balanceAfter: '0s',
    balanceFor: '2m',
    forfeitPermille: 0,
    ...change,
  };
}

function tiers(...levels: [level: number, opensEarlier: string, priceMinor?: number][]) {
  return levels.map(([level, opensEarlier, priceMinor]) => ({
    level,
    opensEarlier,
    ...(priceMinor === undefined ? {} : { priceMinor }),
  }));
}

/** The smallest festival that sells something; each test spoils it in one way. */
function night(): Record<string, unknown> & { festival: Record<string, unknown> } {
  return {
    festival: {
      id: 'night',
      title: 'A night',
      places: [{ city: 'Shanghai', timeZone: 'Asia/Shanghai' }],
      currency: 'CNY',
    },
    brands: [{ id: 'row', name: 'Row', tagline: '', logo }],
    products: [{ id: 'pan', brandId: 'row', name: 'Pan', blurb: '', listMinor: 1_000, unit: 'pan', picture }],
    deals: [deal],
    sessions: [
      {
        id: 'show',
        brandId: 'row',
        title: 'Show',
        blurb: '',
        hostName: 'Linh',
        when: 'every 20m for 10m',
        dealIds: ['pan-deal'],
      },
    ],
  };
}

function problemsOf(change: (festival: ReturnType<typeof night>) => void) {
  const festival = night();
  change(festival);
  const read = readFestival(festival);
  return read.ok ? [] : read.problems;
}
const pathsOf = (change: (festival: ReturnType<typeof night>) => void) => problemsOf(change).map((p) => p.path);

describe('a festival file', () => {
  test('may leave out whole kinds of records', () => {
    const read = readFestival(night());
    expect(read.ok && read.festival.drops).toEqual([]);
    expect(read.ok && read.festival.deals).toEqual([deal]);
  });

  test('lists every kind of record that a contract declares', () => {
    expect(recordKinds.toSorted()).toEqual([
      'brands',
      'coupons',
      'deals',
      'drops',
      'moments',
      'phases',
      'products',
      'sessions',
      'tasks',
    ]);
  });

  test('is told each wrong field by its path', () => {
    expect(pathsOf((f) => Object.assign(f, { deals: [{ ...deal, priceMinor: 1.5, when: 'soon' }] }))).toEqual([
      'deals.0.when',
      'deals.0.priceMinor',
    ]);
    expect(pathsOf((f) => Object.assign(f.festival, { currency: 'ABC' }))).toEqual(['festival.currency']);
    expect(pathsOf((f) => Object.assign(f.festival, { places: [{ city: 'X', timeZone: 'Mars/Base' }] }))).toEqual([
      'festival.places.0.timeZone',
    ]);
    expect(pathsOf((f) => Object.assign(f, { stalls: [] }))).toEqual(['']);
  });

  test('may not refer to what it does not list', () => {
    expect(pathsOf((f) => Object.assign(f, { products: [] }))).toEqual(['deals.0.productId']);
    expect(pathsOf((f) => Object.assign(f, { deals: [] }))).toEqual(['sessions.0.dealIds.0']);
    const drop = {
      id: 'rain',
      brandId: 'nobody',
      title: 'Rain',
      when: '+1m for 1m',
      fundMinor: 100,
      packets: 10,
      leastMinor: 1,
    };
    expect(pathsOf((f) => Object.assign(f, { drops: [drop] }))).toEqual(['drops.0.brandId']);
    expect(pathsOf((f) => Object.assign(f, { drops: [{ ...drop, brandId: 'row', fundMinor: 9 }] }))).toEqual([
      'drops.0.fundMinor',
    ]);
  });

  test('may not name two records of a kind alike, though kinds may share a name', () => {
    expect(pathsOf((f) => Object.assign(f, { deals: [deal, deal] }))).toEqual(['deals.1.id']);
    expect(pathsOf((f) => Object.assign(f, { deals: [deal, { ...deal, id: 'pan', lot: 'pan' }] }))).toEqual([]);
  });

  test('may not have two phases at once', () => {
    const phase = (id: string, when: string) => ({ id, title: id, blurb: '', when });
    const phases = [phase('a', 'every 1h for 30m'), phase('b', 'every 1h for 31m from +30m')];
    expect(pathsOf((f) => Object.assign(f, { phases }))).toEqual(['phases.1.when']);
    const apart = [phases[0], phase('b', 'every 1h for 30m from +30m')];
    expect(pathsOf((f) => Object.assign(f, { phases: apart }))).toEqual([]);
  });

  test('may not sell one stock by two deals at once, nor at a price that undercuts nothing', () => {
    const second = { ...deal, id: 'second', when: 'every 10m for 3m from +4m' };
    expect(pathsOf((f) => Object.assign(f, { deals: [deal, second] }))).toEqual([]);
    const early = { ...second, early: [{ level: 1, opensEarlier: '90s' }] };
    expect(problemsOf((f) => Object.assign(f, { deals: [deal, early] }))).toEqual([
      {
        path: 'deals.1.when',
        message:
          'is on while the deal "pan-deal" is (early openings included), and both sell "pan" from the lot "main": give one another time or another lot',
      },
    ]);
    expect(pathsOf((f) => Object.assign(f, { deals: [deal, { ...early, lot: 'outlet' }] }))).toEqual([]);
    expect(problemsOf((f) => Object.assign(f, { deals: [{ ...deal, priceMinor: 1_000 }] }))).toEqual([
      {
        path: 'deals.0.priceMinor',
        message: '1000 does not undercut 1000, the lowest price of the 30 days before it first opens',
      },
    ]);
  });

  test.each([
    ['a flash deal of less than 10 s', { when: '+0s for 9s' }, 'deals.0.when'],
    ['a flash deal of more than a day', { when: '+0s for 1441m' }, 'deals.0.when'],
    ['early openings out of order', { early: tiers([2, '1m'], [1, '1m']) }, 'deals.0.early.1.level'],
    ['a higher level that opens later', { early: tiers([1, '2m'], [2, '1m']) }, 'deals.0.early.1.opensEarlier'],
    ['an early price above the deal’s', { early: tiers([1, '1m', 901]) }, 'deals.0.early.0.priceMinor'],
    ['an early opening into the round before', { early: tiers([1, '8m']) }, 'deals.0.early.0.opensEarlier'],
    ['an early opening for nobody', { early: [] }, 'deals.0.early'],
    ['a deposit that shrinks', { presale: presale({ depositWorthMinor: 99 }) }, 'deals.0.presale.depositWorthMinor'],
    [
      'a deposit worth more than the price',
      { presale: presale({ depositWorthMinor: 901 }) },
      'deals.0.presale.depositWorthMinor',
    ],
    ['a balance nobody can pay in time', { presale: presale({ balanceFor: '9s' }) }, 'deals.0.presale.balanceFor'],
    ['more lost than was paid', { presale: presale({ forfeitPermille: 1_001 }) }, 'deals.0.presale.forfeitPermille'],
  ])('may not have %s', (_, change, path) => {
    expect(pathsOf((f) => Object.assign(f, { deals: [{ ...deal, ...change }] }))).toEqual([path]);
  });

  test('may have presales whose deposit window is longer than a flash, early openings and lots', () => {
    const whole = {
      ...deal,
      when: '+0s for 20d',
      presale: presale({}),
      early: tiers([1, '1m'], [4, '1h', 800]),
      lot: 'b',
    };
    const read = readFestival(Object.assign(night(), { deals: [whole], sessions: [] }));
    expect(read.ok && read.festival.deals).toEqual([whole]);
    expect(kindOf(whole)).toBe('presale');
    expect([kindOf({}), lotOf({}), lotOf(whole)]).toEqual(['flash', 'main', 'b']);
  });

  test.each([
    ['a brand coupon of nobody', { brandId: undefined }, 'coupons.0.brandId'],
    ['a cross-brand coupon of a brand', { kind: 'cross-brand' }, 'coupons.0.brandId'],
    ['more off than it takes', { offMinor: 1_001 }, 'coupons.0.offMinor'],
    ['money off again and again from nothing', { repeats: true, fromMinor: 0 }, 'coupons.0.fromMinor'],
    ['lanterns for a brand’s coupon', { levelMin: 1 }, 'coupons.0.levelMin'],
    ['a kind it stacks with twice', { stacksWith: ['shop', 'shop'] }, 'coupons.0.stacksWith'],
    ['products that are not there', { productIds: ['pot'] }, 'coupons.0.productIds.0'],
    ['products of another brand', { productIds: ['cup'] }, 'coupons.0.productIds.0'],
  ])('may not have coupons with %s', (_, change, path) => {
    const coupon = { ...brandCoupon, ...change };
    if (coupon.brandId === undefined) Reflect.deleteProperty(coupon, 'brandId');
    const paths = pathsOf((f) => {
      (f.brands as unknown[]).push({ id: 'cups', name: 'Cups', tagline: '', logo });
      const [pan] = f.products as object[];
      (f.products as unknown[]).push({ ...pan, id: 'cup', brandId: 'cups' });
      return Object.assign(f, { coupons: [coupon] });
    });
    expect(paths).toEqual([path]);
  });

  test('may have coupons, and says what past prices cannot be', () => {
    expect(pathsOf((f) => Object.assign(f, { coupons: [brandCoupon] }))).toEqual([]);
    const past = (pastPrices: unknown) => (f: ReturnType<typeof night>) => {
      const [pan] = f.products as object[];
      return Object.assign(f, { products: [{ ...pan, pastPrices }] });
    };
    const from = '2026-10-01T00:00:00+08:00';
    expect(pathsOf(past([{ priceMinor: 950, from }]))).toEqual([]);
    expect(pathsOf(past([{ priceMinor: 950, from: '2026-10-01' }]))).toEqual(['products.0.pastPrices.0.from']);
    expect(pathsOf(past([{ priceMinor: 950, from, until: from }]))).toEqual(['products.0.pastPrices.0.until']);
    expect(pathsOf(past([{ priceMinor: 900, from }]))).toEqual(['deals.0.priceMinor']);
  });

  test('that says nothing of payouts pays after ten days, takes returns for seven, and keeps fifty thousandths', () => {
    const read = readFestival(night());
    expect(read.ok && read.festival.festival.payout).toEqual({
      commissionPermille: 50,
      confirmDays: 10,
      refundDays: 7,
    });
    expect(pathsOf((f) => Object.assign(f.festival, { payout: { confirmDays: 0 } }))).toEqual([
      'festival.payout.confirmDays',
    ]);
  });

  test('holds at most 2,000 records of a kind', () => {
    const deals = Array.from({ length: recordsPerKindMax }, (_, i) => ({
      ...deal,
      id: i === 0 ? deal.id : `deal-${i}`,
      lot: `lot-${i}`,
    }));
    expect(pathsOf((f) => Object.assign(f, { deals }))).toEqual([]);
    expect(pathsOf((f) => Object.assign(f, { deals: [...deals, { ...deal, id: 'more', lot: 'more' }] }))).toEqual([
      'deals',
    ]);
  });

  test.each([null, 7, 'festival', [], { festival: null }, JSON.parse('{"__proto__": {"festival": {}}}')])(
    'is not %j',
    (json) => {
      expect(readFestival(json).ok).toBe(false);
    },
  );

  test('with thousands of problems is told fifty', () => {
    const deals = Array.from({ length: 1_000 }, () => ({ id: 7 }));
    expect(pathsOf((f) => Object.assign(f, { deals }))).toHaveLength(50);
  });

  test('has a JSON Schema that names all kinds and may be named in the file itself', () => {
    const schema = festivalJsonSchema() as { properties: Record<string, unknown>; required: string[] };
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['$schema', 'festival', ...recordKinds]));
    expect(schema.required).toEqual(['festival']);
    expect(pathsOf((f) => Object.assign(f, { $schema: 'http://127.0.0.1:3000/api/festival.schema.json' }))).toEqual([]);
  });
});

describe('what a record refers to', () => {
  test('is named by its fields, wherever they stand', () => {
    expect(referencesOf({ id: 'show', brandId: 'row', dealIds: ['a', 'b'] })).toEqual([
      { path: 'brandId', kind: 'brands', id: 'row' },
      { path: 'dealIds.0', kind: 'deals', id: 'a' },
      { path: 'dealIds.1', kind: 'deals', id: 'b' },
    ]);
  });

  test('says whose it is: a deal belongs to the brand of its product, a phase to nobody', () => {
    const lookup = (_kind: string, id: string) => (id === 'pan' ? { id, brandId: 'row' } : undefined);
    expect(brandOf('brands', { id: 'row' }, lookup)).toBe('row');
    expect(brandOf('products', { id: 'pan', brandId: 'row' }, lookup)).toBe('row');
    expect(brandOf('deals', deal, lookup)).toBe('row');
    expect(brandOf('deals', { ...deal, productId: 'other' }, lookup)).toBeNull();
    expect(brandOf('phases', { id: 'late' }, lookup)).toBeNull();
  });
});

describe('two schedules are on at once', () => {
  const startMs = Date.parse('2026-11-10T16:00:00Z');
  test.each([
    ['every 10m for 3m', 'every 10m for 3m from +3m', false],
    ['every 10m for 3m', 'every 10m for 3m from +8m', true],
    ['every 10m for 3m', 'every 15m for 3m from +4m', true],
    ['every 10m for 2m', 'every 15m for 2m from +2m', false],
    ['every 10m for 2m', 'every 15m for 2m from +1m', true],
    ['every 10m for 2m', 'every 20m for 8m from +12m', false],
    ['+1m for 1m', '+2m for 1m', false],
    ['+1m for 61s', '+2m for 1m', true],
    ['every 1h for 10m', '+50m for 10m', false],
    ['every 1h for 10m', '+50m for 11m', true],
    ['+0s for 1m', '2026-11-10T16:00:30Z for 1m', true],
    ['+0s for 1m', '2026-11-10T16:01:00Z for 1m', false],
    ['every 1h for 1m', '2026-11-11T01:00:30+08:00 for 1m', true],
  ])('%s and %s: %s', (a, b, together) => {
    expect(everOverlap(parseWhen(a), parseWhen(b), startMs)).toBe(together);
    expect(everOverlap(parseWhen(b), parseWhen(a), startMs)).toBe(together);
  });

  test('exactly when a second can be named in which both are', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const [every, each, from] = [3 + (seed % 5), 1 + (seed % 3), (seed * 7) % 11];
      const a = parseWhen(`every ${every}m for ${each}m from +${from}m`);
      const b = parseWhen(`every ${2 + (seed % 7)}m for ${1 + (seed % 2)}m from +${(seed * 3) % 13}m`);
      // Two hours hold every meeting of rhythms whose common multiple is at most 56 minutes.
      const span = { fromMs: startMs, toMs: startMs + 7_200_000, max: 1_000 };
      const ofB = occurrencesBetween(b, startMs, span);
      const met = occurrencesBetween(a, startMs, span).some((x) =>
        ofB.some((y) => x.startsAtMs < y.endsAtMs && y.startsAtMs < x.endsAtMs),
      );
      expect({ seed, together: everOverlap(a, b, null) }).toEqual({ seed, together: met });
    }
  });

  test('which cannot be said of the calendar and the first start before that is known', () => {
    expect(everOverlap(parseWhen('+0s for 1m'), parseWhen('2026-11-10T16:00:30Z for 1m'), null)).toBe(false);
  });
});
