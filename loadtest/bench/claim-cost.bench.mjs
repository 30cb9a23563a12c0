// Whether a claim costs the same however much there is: so many deals, shoppers with holds, remembered answers, ledger lines
// and past orders lie in Redis beforehand, written in the shapes the product writes. The figure is Redis's own time a claim.
import { startProcess } from './processes.mjs';

const claims = 20_000;
const warmClaims = 5_000;
const concurrency = 512;
/** Copied in one go, so that no single answer is waited for long. */
const fillAtOnce = 50_000;

async function measure(way, { sockets: most }) {
  const count = way === 'ours' ? most : Math.round(most / Number(way.slice(1)));
  const child = startProcess('claim-engine-child.mjs', { args: ['ours', 'memory'] });
  try {
    await child.ask('stage', { total: 10_000_000 });
    await child.ask('claim', { claims: 1, concurrency: 1 });
    let filled;
    for (let from = 0; from < count; from += fillAtOnce) {
      filled = await child.ask('fill', { from, count: Math.min(fillAtOnce, count - from) });
    }
    await child.ask('claim', { claims: warmClaims, concurrency });
    const said = await child.ask('claim', { claims, concurrency });
    await child.ask('end');
    return { ...said, ...filled, count, figure: said.redisUs };
  } finally {
    await child.end();
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export const bench = {
  unit: 'microseconds of Redis CPU a claim',
  better: 'less',
  rounds: 3,
  /** Here: deals, shoppers, answers and lines that are there already, in `ours`; the others have a tenth and so on. */
  sockets: 1_000_000,
  short: { sockets: 10_000, rounds: 1 },
  peers: ['/10', '/100', '/1000'],
  measure,
  facts: (details) => ({
    shapes:
      'each: a slice of a deal (copy of the staged one), a shopper with one hold, its remembered answer and its place among the lapses, a ledger line, a past order with its timeline',
    claims,
    durability: 'memory',
    perWay: Object.fromEntries(
      Object.entries(details).map(([way, rounds]) => [
        way,
        {
          there: rounds[0].count,
          redisCpuUsAClaim: middle(rounds.map((r) => r.redisUs)),
          nodeCpuUsAClaim: middle(rounds.map((r) => r.nodeUs)),
          redisMemoryBytes: middle(rounds.map((r) => r.usedBytes)),
        },
      ]),
    ),
  }),
  problems: ({ facts }) =>
    Object.entries(facts.perWay).flatMap(([way, { redisCpuUsAClaim }]) =>
      redisCpuUsAClaim > 0 ? [] : [`${way} cost nothing, which cannot be`],
    ),
};
