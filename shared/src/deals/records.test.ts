import { expect, test } from 'vitest';
import { dealRecord } from './records.ts';

const deal = {
  id: 'kettle',
  productId: 'iron-kettle',
  when: '+2m for 10m',
  priceMinor: 19_900,
  total: 60,
  limitPerShopper: 1,
  hold: '3m',
};
const early = [{ level: 1, opensEarlier: '1m', priceMinor: 18_900 }];
const presale = {
  depositMinor: 1_000,
  depositWorthMinor: 2_000,
  balanceAfter: '1m',
  balanceFor: '5m',
  forfeitPermille: 500,
};

test.each([
  ['when', { when: 'at midnight' }],
  ['hold', { hold: 'a while' }],
  ['early.0.opensEarlier', { early: [{ ...early[0], opensEarlier: 'soon' }] }],
  ['presale.balanceFor', { presale: { ...presale, balanceFor: 'the weekend' } }],
])('a deal whose %s is no time at all is refused by that path, and nothing is thrown', (path, wrong) => {
  const read = dealRecord.safeParse({ ...deal, ...wrong });
  expect(read.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});

test('a deal with all its terms is read', () => {
  expect(dealRecord.safeParse({ ...deal, early, presale }).error).toBeUndefined();
});
