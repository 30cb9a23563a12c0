import type { Hold } from '@elevens/shared/src/deals/contract.ts';
import { describe, expect, test } from 'vitest';
import {
  callHttp,
  type Evening,
  expectLawsWhole,
  forEachOf,
  isDecided,
  type Line,
  openLine,
  type Shopper,
  settle,
  shoppersOf,
  startEvening,
} from './crowd.ts';
import { festivalOf, type Outcome, requestId, seed, seededChance } from './test-server.ts';

interface Tapper {
  shopper: Shopper;
  node: number;
  line: Line;
}

const claimOf = (dealId: string, quantity = 1) => ({ requestId: requestId(), lines: [{ dealId, quantity }] });

/** The standard error of how many of `drawn` winners, drawn without favour from `all`, are among these `some`. */
function standardError({ all, some, drawn }: { all: number; some: number; drawn: number }): number {
  return Math.sqrt(drawn * (some / all) * (1 - some / all) * ((all - drawn) / (all - 1)));
}

describe('equal clients', () => {
  const rounds = 20;
  const clientCount = 320;
  const units = 80;
  const partitions = 4;
  const dealIds = Array.from({ length: rounds }, (_, i) => `round-${i}`);

  test(`win at both nodes and in all partitions as often as chance would have it, over ${rounds} rounds (seed ${seed})`, {
    timeout: 90_000,
  }, async () => {
    const chance = seededChance('fairness');
    const festival = festivalOf({ deals: dealIds.map((id) => ({ id, total: units })) });
    const evening = await startEvening({ festival, partitions });
    const crowd: Tapper[] = [];
    // As many of each partition at each node.
    await forEachOf(await shoppersOf(evening.keys, clientCount), async (shopper, i) => {
      const node = Math.floor(i / partitions) % 2;
      crowd.push({ shopper, node, line: await openLine(evening.urls[node] ?? '', shopper.token) });
    });

    const winners: Tapper[][] = [];
    for (const dealId of dealIds) {
      const won: Tapper[] = [];
      const holds: { tapper: Tapper; holdId: string }[] = [];
      const claims: Promise<void>[] = [];
      const lastAt: (Tapper | undefined)[] = [];
      for (const [i, tapper] of chance.shuffled(crowd).entries()) {
        // Who comes first is drawn here, and not by the machine that gives two nodes their time: a few have arrived when the next
        // few tap. A question on the same line is answered at once, while the claims before it are still under way.
        if (i % 8 === 0) await Promise.all([0, 1].map(async (node) => lastAt[node]?.line.call('clock:now', {})));
        lastAt[tapper.node] = tapper;
        const input = claimOf(dealId);
        claims.push(
          settle([() => tapper.line.call('deals:claim', input)]).then((answer) => {
            if (!answer.ok) return;
            won.push(tapper);
            holds.push({ tapper, holdId: (answer.reply as Hold).holdId });
          }),
        );
      }
      await Promise.all(claims);
      expect(won).toHaveLength(units);
      winners.push(won);
      // Everybody begins the next round with empty hands.
      await Promise.all(
        holds.map(({ tapper, holdId }) => {
          const input = { requestId: requestId(), holdId };
          return settle([() => tapper.line.call('deals:release', input)]);
        }),
      );
    }

    const groups = [
      ...[0, 1].map((node) => ({ name: `node ${node}`, is: (t: Tapper) => t.node === node })),
      ...Array.from({ length: partitions }, (_, p) => ({
        name: `partition ${p}`,
        is: (t: Tapper) => t.shopper.partition === p,
      })),
    ];
    for (const { name, is } of groups) {
      const some = crowd.filter(is).length;
      const error = standardError({ all: clientCount, some, drawn: units });
      const share = (units * some) / clientCount;
      const counts = winners.map((won) => won.filter(is).length);
      const sum = counts.reduce((total, count) => total + count, 0);
      const words = `${name}: ${sum} of ${rounds * units} in ${rounds} rounds (${counts.join(' ')}), its share is ${rounds * share}`;
      expect(Math.abs(sum - rounds * share), words).toBeLessThanOrEqual(4 * error * Math.sqrt(rounds));
    }
    for (const node of evening.nodes) await expectLawsWhole(node);
  });
});

describe('within a partition the order of arrival at its node decides', () => {
  /** Winners, in the order in which their claims arrived: all before the first who went without. */
  function expectPrefix(answers: readonly (Outcome | null)[], winners: number): void {
    // A machine that stands still for two seconds has claims decided by nobody: those took no part, and few may be so.
    const decided = answers.filter(isDecided);
    expect(decided.length).toBeGreaterThan(answers.length * 0.8);
    const oks = decided.map((answer) => (answer?.ok ? 'x' : '.')).join('');
    for (const answer of decided) if (!answer?.ok) expect(answer).toMatchObject({ why: 'sold-out' });
    expect(oks).toBe('x'.repeat(Math.min(winners, decided.length)).padEnd(decided.length, '.'));
  }

  const rounds = 12;
  const totals = { few: 9, many: 60 };
  const ids = Object.keys(totals).flatMap((size) => Array.from({ length: rounds }, (_, i) => `${size}-${i}`));
  const festival = festivalOf({
    deals: ids.map((id) => ({ id, total: totals[id.startsWith('few') ? 'few' : 'many'], limitPerShopper: 99 })),
  });

  async function partitionCrowd(evening: Evening, partition: number, count: number): Promise<Tapper[]> {
    const crowd: Tapper[] = [];
    await forEachOf(await shoppersOf(evening.keys, count, partition), async (shopper) => {
      crowd.push({ shopper, node: 0, line: await openLine(evening.urls[0] ?? '', shopper.token) });
    });
    return crowd;
  }

  test.for([1, 4])(`over one socket, with %i partitions`, { timeout: 60_000 }, async (partitions) => {
    const evening = await startEvening({ festival, partitions, nodes: 1 });
    for (let round = 0; round < rounds; round++) {
      // One who may hold twelve: claims of six units run through slices and to home again and again.
      const [tapper] = await partitionCrowd(evening, round % partitions, 1);
      if (tapper === undefined) throw new Error('nobody came');
      const many = Array.from({ length: 12 }, () => claimOf(`many-${round}`, 6));
      const answers = await Promise.all(many.map((input) => tapper.line.call('deals:claim', input)));
      expectPrefix(answers, 10);
      for (const answer of answers) {
        if (!answer?.ok) continue;
        const { holdId } = answer.reply as Hold;
        await tapper.line.call('deals:release', { requestId: requestId(), holdId });
      }
      const few = Array.from({ length: 12 }, () => claimOf(`few-${round}`));
      expectPrefix(await Promise.all(few.map((input) => tapper.line.call('deals:claim', input))), 9);
    }
    await expectLawsWhole(evening.nodes[0] as Evening['nodes'][number]);
  });

  test.for([1, 4])(
    `over many sockets, with %i partitions, also while the slice runs dry and home is asked (seed ${seed})`,
    { timeout: 60_000 },
    async (partitions) => {
      const chance = seededChance(`order ${partitions}`);
      const evening = await startEvening({ festival, partitions, nodes: 1 });
      const crowd = await Promise.all(
        Array.from({ length: partitions }, (_, p) => partitionCrowd(evening, p, 70 + chance.below(3))),
      );
      for (let round = 0; round < rounds; round++) {
        for (const size of ['few', 'many'] as const) {
          const inOrder = chance.shuffled(crowd[round % partitions] ?? []);
          const claims: Promise<Outcome | null>[] = [];
          for (const { line } of inOrder) {
            claims.push(line.call('deals:claim', claimOf(`${size}-${round}`)));
            // A question on the same line is answered at once: then the claim before it has arrived, and is still under way.
            await line.call('clock:now', {});
          }
          const answers = await Promise.all(claims);
          expectPrefix(answers, totals[size]);
          await forEachOf(inOrder, async ({ shopper }, i) => {
            const answer = answers[i];
            if (!answer?.ok) return;
            const input = { requestId: requestId(), holdId: (answer.reply as Hold).holdId };
            await settle([() => callHttp(evening.urls[0] ?? '', 'deals:release', input, shopper.token)]);
          });
        }
      }
      await expectLawsWhole(evening.nodes[0] as Evening['nodes'][number]);
    },
  );
});
