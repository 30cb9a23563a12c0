// Claims decided without sockets: our group commit and its script, beside one EVALSHA a claim as ioredis sends it. Every
// acknowledged claim is on disk, on both sides. All of them succeed: that is the dearest answer there is.
import { startProcess, versionOf } from './processes.mjs';

/** Claims under way at once. */
const concurrency = 512;
const warmClaims = 5_000;

async function measure(way, { sockets: claims }) {
  const [engine, durability = 'fsync'] = way.split(' ');
  const child = startProcess('claim-engine-child.mjs', { args: [engine, durability] });
  try {
    await child.ask('stage', { total: 10_000_000 });
    await child.ask('claim', { claims: Math.min(warmClaims, claims), concurrency });
    const before = await child.ask('counts');
    const said = await child.ask('claim', { claims, concurrency });
    const after = await child.ask('counts');
    await child.ask('end');
    return { ...said, figure: claims / (said.wallMs / 1_000), held: after.held - before.held };
  } finally {
    await child.end();
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export const bench = {
  unit: 'claims per second',
  better: 'more',
  rounds: 5,
  /** Here: claims of a round. */
  sockets: 40_000,
  short: { sockets: 2_000, rounds: 1 },
  peers: ['evalsha'],
  /** Without a disk; the promises of ours decided one EVALSHA at a time; and the writes of ours without any decision. */
  variants: ['ours memory', 'evalsha memory', 'ours-each', 'floor'],
  measure,
  facts: (details) => ({
    concurrency,
    perWay: Object.fromEntries(
      Object.entries(details).map(([way, rounds]) => [
        way,
        {
          claimsPerSecond: Math.round(middle(rounds.map((r) => r.figure))),
          redisCpuUsAClaim: middle(rounds.map((r) => r.redisUs)),
          nodeCpuUsAClaim: middle(rounds.map((r) => r.nodeUs)),
          claimsACall: middle(rounds.map((r) => r.batchItems)),
          p50Ms: middle(rounds.map((r) => r.p50Ms)),
          p99Ms: middle(rounds.map((r) => r.p99Ms)),
          allHeld: rounds.every((r) => r.successes === r.claims && r.held === r.claims),
        },
      ]),
    ),
    versions: { ioredis: versionOf('ioredis') },
  }),
  problems: ({ facts }) =>
    Object.entries(facts.perWay).flatMap(([way, { allHeld }]) =>
      allHeld ? [] : [`not every claim of ${way} is held`],
    ),
};
