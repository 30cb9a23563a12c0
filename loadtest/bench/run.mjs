// npm run bench -- <name> [--json FILE] [--rounds N] [--sockets N] [--short]
//
// Runs one benchmark: ours and its peers take turns for several rounds, each in processes of its own, so that a busy
// moment of the machine hits all of them. A ratio is taken within each round and is above 1 where ours is better.
import { readdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    rounds: { type: 'string' },
    sockets: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.mjs'))
  .map((file) => file.replace('.bench.mjs', ''));
const [name] = positionals;
if (name === undefined || !known.includes(name)) {
  console.error(
    `Usage: npm run bench -- <name> [--json FILE] [--rounds N] [--sockets N] [--short]\nNames: ${known.join(', ')}`,
  );
  process.exit(2);
}

const { bench } = await import(`./${name}.bench.mjs`);
/** The short form shows that a bench runs and that what it counts comes out right; its figures say nothing. */
const size = values.short ? { ...bench, ...bench.short } : bench;
const rounds = Number(values.rounds ?? size.rounds);
const sockets = Number(values.sockets ?? size.sockets);
const names = ['ours', ...bench.peers, ...(bench.variants ?? [])];
const figures = Object.fromEntries(names.map((n) => [n, []]));
const details = Object.fromEntries(names.map((n) => [n, []]));

/** No further round begins after this long, but two are always run: one tells nothing about the spread. */
const beginRoundsMsMax = 65_000;
const began = performance.now();
let round = 0;
for (; round < rounds && (round < (values.short ? 1 : 2) || performance.now() - began < beginRoundsMsMax); round++) {
  // The order turns from round to round: whoever comes first never gains by it.
  for (const n of round % 2 === 0 ? names : names.toReversed()) {
    // A variant is told for the record and runs once; what is compared runs in every round.
    if (round > 0 && bench.variants?.includes(n)) continue;
    const detail = await bench.measure(n, { sockets });
    const { figure } = detail;
    figures[n].push(figure);
    details[n].push(detail);
    console.log(
      `round ${round + 1} of ${rounds}  ${n.padEnd(12)} ${Math.round(figure).toLocaleString('en')} ${bench.unit}`,
    );
  }
}

const spread = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
};
const ratioIn = (peer) =>
  figures.ours.map((ours, i) => (bench.better === 'more' ? ours / figures[peer][i] : figures[peer][i] / ours));

const result = {
  bench: name,
  unit: bench.unit,
  ours: spread(figures.ours),
  peers: Object.fromEntries(bench.peers.map((peer) => [peer, spread(figures[peer])])),
  ratio: Object.fromEntries(bench.peers.map((peer) => [peer, spread(ratioIn(peer))])),
  facts: {
    rounds: round,
    sockets,
    ...bench.facts(details),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      loadAverage: loadavg()[0],
    },
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  },
};
for (const peer of bench.peers) {
  const { median, min, max } = result.ratio[peer];
  console.log(`${name}: ours is ${median.toFixed(2)} times ${peer} (${min.toFixed(2)} to ${max.toFixed(2)})`);
}
const problems = bench.problems?.(result) ?? [];
for (const problem of problems) console.error(`NOT VALID: ${problem}`);
if (values.json === undefined) console.log(JSON.stringify(result, null, 2));
else writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
