// What a claim leaves in Redis, by kind: bytes of used memory for each of ten thousand, and the sum for a million shoppers.
import { startProcess } from './processes.mjs';

async function measure(_way, { sockets: count }) {
  const child = startProcess('claim-engine-child.mjs', { args: ['ours', 'memory'] });
  try {
    const bytes = await child.ask('bytes', { count });
    await child.ask('end');
    return { figure: bytes.success, ...bytes };
  } finally {
    await child.end();
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export const bench = {
  unit: 'bytes a claim that succeeded',
  better: 'less',
  rounds: 3,
  /** Here: shoppers. */
  sockets: 10_000,
  short: { sockets: 1_000, rounds: 1 },
  peers: [],
  measure,
  facts: (details) => {
    const of = (name) => Math.round(middle(details.ours.map((r) => r[name])));
    const success = of('success');
    const refusal = of('refusal');
    return {
      bytesASuccess: success,
      ofIt: Object.fromEntries(
        Object.keys(details.ours[0].parts).map((name) => [
          name,
          Math.round(middle(details.ours.map((r) => r.parts[name]))),
        ]),
      ),
      bytesARememberedRefusal: refusal,
      bytesAFurtherRefusal: of('furtherRefusal'),
      /** One claim that succeeded and one that was refused, each. */
      gigabytesForAMillionShoppers: ((success + refusal) * 1_000_000) / 1e9,
    };
  },
  problems: ({ facts }) => (facts.bytesASuccess > 0 ? [] : ['a success left nothing, which cannot be']),
};
