import { describe, expect, test } from 'vitest';
import { occurrencesBetween, parseWhen } from '../time.ts';
import {
  brandOf,
  everOverlap,
  festivalJsonSchema,
  readFestival,
  recordKinds,
  recordsPerKindMax,
  referencesOf,
} from './festival.ts';

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
    expect(pathsOf((f) => Object.assign(f, { deals: [deal, { ...deal, id: 'pan' }] }))).toEqual([]);
  });

  test('may not have two phases at once', () => {
    const phase = (id: string, when: string) => ({ id, title: id, blurb: '', when });
    const phases = [phase('a', 'every 1h for 30m'), phase('b', 'every 1h for 31m from +30m')];
    expect(pathsOf((f) => Object.assign(f, { phases }))).toEqual(['phases.1.when']);
    const apart = [phases[0], phase('b', 'every 1h for 30m from +30m')];
    expect(pathsOf((f) => Object.assign(f, { phases: apart }))).toEqual([]);
  });

  test('holds at most 2,000 records of a kind', () => {
    const deals = Array.from({ length: recordsPerKindMax }, (_, i) => ({
      ...deal,
      id: i === 0 ? deal.id : `deal-${i}`,
    }));
    expect(pathsOf((f) => Object.assign(f, { deals }))).toEqual([]);
    expect(pathsOf((f) => Object.assign(f, { deals: [...deals, { ...deal, id: 'more' }] }))).toEqual(['deals']);
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
