import { expect, test } from 'vitest';
import { emptyRun, type Journal, seen } from './journal.ts';
import { judge, type Testimony } from './verdict.ts';

const room = ['m1', 'm2', 'm3', 'm4'];

/** An evening of two shoppers at which everything is right: one lamp for two, three packets, four lines. */
function rightEvening(): { journals: [Journal, Journal]; told: Testimony } {
  const journal = (shopper: number): Journal => ({
    shopper,
    shopperId: `s_${shopper}`,
    finished: true,
    troubles: [],
    lost: [],
    outcomes: {},
    claims: [
      shopper === 1
        ? { dealId: 'lamp', outcome: 'ok', askedAtMs: 1, answeredAtMs: 2, holdId: 'h1' }
        : { dealId: 'lamp', outcome: 'sold-out', askedAtMs: 1, answeredAtMs: 2 },
    ],
    packets: [{ dropId: 'rain', outcome: 'ok', amountMinor: shopper * 10, index: shopper - 1 }],
    said: shopper === 1 ? ['m1', 'm3'] : ['m2', 'm4'],
    saidUnknown: 0,
    chat: (shopper === 1 ? room : room.slice(1)).reduce(seen, emptyRun),
    resent: { same: 1, different: 0 },
    returned: { times: 1, recovered: 1 },
    holdsShown: shopper === 1 ? ['h1'] : [],
    walletMinorShown: shopper * 10,
    energyShown: 5,
    energyEarned: 5,
  });
  return {
    journals: [journal(1), journal(2)],
    told: {
      shoppers: 2,
      alone: true,
      deals: [{ dealId: 'lamp', total: 1, free: 0, held: 1, sold: 0, limitPerShopper: 1 }],
      drops: [
        {
          dropId: 'rain',
          packets: 3,
          opened: 2,
          fundMinor: 50,
          openedMinor: 30,
          listed: [
            { index: 0, amountMinor: 10 },
            { index: 1, amountMinor: 20 },
          ],
        },
      ],
      chat: [...room],
    },
  };
}

const brokenLaws = (journals: Journal[], told: Testimony) =>
  judge(journals, told)
    .filter(({ holds }) => !holds)
    .map(({ law }) => law);

test('an evening at which everything is right breaks no law', () => {
  const { journals, told } = rightEvening();
  expect(brokenLaws(journals, told)).toEqual([]);
});

test.each<[string, string[], (journals: [Journal, Journal], told: Testimony) => void]>([
  [
    'a unit promised to two shoppers',
    ['units of lamp', 'own feeds'],
    ([, second]) => Object.assign(second.claims[0] ?? {}, { outcome: 'ok', holdId: 'h2' }),
  ],
  [
    'a unit that the server does not keep',
    ['units of lamp'],
    (_, told) => Object.assign(told.deals[0] ?? {}, { held: 0, free: 1 }),
  ],
  ['stock that does not add up', ['units of lamp'], (_, told) => Object.assign(told.deals[0] ?? {}, { free: 1 })],
  [
    'a shopper sent away from a deal that had units left',
    ['units of lamp'],
    (_, told) => Object.assign(told.deals[0] ?? {}, { total: 2, free: 1 }),
  ],
  [
    'a second unit beyond the limit',
    ['units of lamp', 'nobody twice', 'own feeds'],
    ([first]) => first.claims.push({ dealId: 'lamp', outcome: 'ok', askedAtMs: 3, answeredAtMs: 4, holdId: 'h9' }),
  ],
  [
    'two claims answered with one hold',
    ['nobody twice', 'units of lamp', 'own feeds'],
    ([, second]) => Object.assign(second.claims[0] ?? {}, { outcome: 'ok', holdId: 'h1' }),
  ],
  [
    'one packet given to two',
    ['packets of rain'],
    ([, second]) => Object.assign(second.packets[0] ?? {}, { index: 0 }),
  ],
  [
    'a packet with another amount than the record says',
    ['packets of rain', 'own feeds'],
    ([first]) => Object.assign(first.packets[0] ?? {}, { amountMinor: 11 }),
  ],
  [
    'more money than the fund holds',
    ['packets of rain'],
    (_, told) => Object.assign(told.drops[0] ?? {}, { fundMinor: 29 }),
  ],
  [
    'a second packet of one drop',
    ['packets of rain', 'nobody twice', 'own feeds'],
    ([first]) => first.packets.push({ dropId: 'rain', outcome: 'ok', amountMinor: 20, index: 2 }),
  ],
  [
    'another answer to the same request',
    ['one answer a request'],
    ([first]) => Object.assign(first.resent, { different: 1 }),
  ],
  ['a line that was said and never shown', ['lines said'], ([first]) => first.said.push('m5')],
  ['a line shown twice', ['lines said', 'log without gaps'], (_, told) => told.chat.splice(2, 0, 'm2')],
  [
    'a gap in what a shopper saw',
    ['log without gaps'],
    ([first]) => Object.assign(first, { chat: ['m1', 'm3', 'm4'].reduce(seen, emptyRun) }),
  ],
  [
    'lines seen in another order',
    ['log without gaps'],
    ([first]) => Object.assign(first, { chat: ['m1', 'm3', 'm2', 'm4'].reduce(seen, emptyRun) }),
  ],
  [
    'somebody who came back and was told a part',
    ['back by position'],
    ([first]) => Object.assign(first.returned, { recovered: 0 }),
  ],
  ['energy that was earned and not credited', ['own feeds'], ([first]) => Object.assign(first, { energyShown: 4 })],
  ['a shopper who got stuck', ['evenings'], ([first]) => Object.assign(first, { finished: false })],
])('%s breaks the law and is named', (_, laws, plant) => {
  const { journals, told } = rightEvening();
  plant(journals, told);
  expect(brokenLaws(journals, told).toSorted()).toEqual(laws.toSorted());
});

test('a shopper who never reported is missed', () => {
  const { journals, told } = rightEvening();
  expect(brokenLaws([journals[0]], told)).toContain('evenings');
});

test('at a festival of others only what nobody may break is judged', () => {
  const { journals, told } = rightEvening();
  const others = {
    ...told,
    alone: false,
    chat: [...room, 'm9'],
    deals: told.deals.map((d) => ({ ...d, total: 3, free: 0, held: 3 })),
  };
  expect(brokenLaws(journals, others)).toEqual([]);
});
