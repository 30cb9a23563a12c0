import slotOf from 'cluster-key-slot';
import { expect, test } from 'vitest';
import { createKeyspace, hashOf, partitionTag, tagOf } from './keyspace.ts';

test('partitions lie evenly over the slots, whatever the festival and their number', () => {
  for (const festival of ['demo', 'eleven-2026']) {
    for (const partitions of [1, 3, 4, 12]) {
      const slots = Array.from({ length: partitions }, (_, k) => slotOf(partitionTag(festival, k, partitions)));
      expect(slots).toEqual(slots.map((_, k) => Math.floor(((k + 0.5) * 16_384) / partitions)));
    }
  }
});

test('the tag of a partition is the same on every node and in every version', () => {
  // A changed tag would leave every hold and packet behind under the old one.
  expect(partitionTag('demo', 0, 1)).toBe(partitionTag('demo', 0, 1));
  expect(slotOf(partitionTag('demo', 0, 1))).toBe(8_192);
  expect(hashOf('s_AAAAAAAAAAAAAAAAAAAAAA')).toBe(161_634_221);
});

test('everything a claim touches lies under one tag', () => {
  const keys = createKeyspace({ festival: 'demo', partitions: 4 });
  const shopper = 's_0123456789abcdefghijkl';
  const k = keys.of(shopper);
  const touched = [
    k.ledger,
    k.outbox,
    k.lapses,
    k.totals,
    k.deal('kettle~3'),
    k.dealTaken('kettle~3'),
    k.answers(shopper),
    k.holds(shopper),
    k.bell('deals:mine', shopper),
  ];
  expect(new Set(touched.map(tagOf)).size).toBe(1);
  expect(new Set(touched.map((key) => slotOf(key))).size).toBe(1);
});

test('shoppers spread over the partitions', () => {
  const keys = createKeyspace({ festival: 'demo', partitions: 4 });
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 8_000; i++) counts[keys.partitionOf(`s_${String(i).padStart(22, 'x')}`)]! += 1;
  // Four standard errors around 2,000: a hash that favours a partition fails here.
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(4 * Math.sqrt(8_000 * 0.25 * 0.75));
});
