import { seedHash, splitFromSeed } from '@elevens/shared/src/redpackets/split.ts';
import type { ReplyOfName } from '../../platform/wire.ts';

export type Proof = ReplyOfName<'redpackets:proof'>;

/** What recomputing a drop in this browser shows. Each check is made here; none is taken from the server's word. */
export type Verdict =
  /** The seed is not out yet; only the seal can be shown. */
  | { is: 'sealed' }
  /** This page may not compute hashes: browsers allow that on https and localhost only. */
  | { is: 'no-crypto' }
  | {
      is: 'checked';
      sealMatches: boolean;
      sumMatches: boolean;
      /** Opened packets whose amount is not what the seed gives for their index. */
      wrong: number;
      amounts: number[];
    };

/** Deals the drop again from its seed and compares. Throws for terms that no drop can have. */
export async function checkDrop(proof: Proof): Promise<Verdict> {
  if (proof.seed === null) return { is: 'sealed' };
  if ((globalThis.crypto as Crypto | undefined)?.subtle === undefined) return { is: 'no-crypto' };
  const { seed: seedHex, fundMinor, packets, leastMinor } = proof;
  const [hash, amounts] = await Promise.all([
    seedHash(seedHex),
    splitFromSeed({ seedHex, fundMinor, packets, leastMinor }),
  ]);
  return {
    is: 'checked',
    sealMatches: hash === proof.seedHash,
    sumMatches: amounts.reduce((sum, amount) => sum + amount, 0) === fundMinor,
    wrong: proof.opened.filter(({ index, amountMinor }) => amounts[index] !== amountMinor).length,
    amounts,
  };
}

export interface Bar {
  fromMinor: number;
  count: number;
}

/** The amounts in bars of equal width from the least to the most. */
export function spreadOf(
  amounts: readonly number[],
  bars: number,
): { bars: Bar[]; leastMinor: number; mostMinor: number } {
  let leastMinor = Number.POSITIVE_INFINITY;
  let mostMinor = 0;
  for (const amount of amounts) {
    leastMinor = Math.min(leastMinor, amount);
    mostMinor = Math.max(mostMinor, amount);
  }
  const width = Math.max(1, (mostMinor - leastMinor + 1) / bars);
  const found: Bar[] = Array.from({ length: bars }, (_, i) => ({ fromMinor: leastMinor + i * width, count: 0 }));
  for (const amount of amounts) {
    const bar = found[Math.min(bars - 1, Math.floor((amount - leastMinor) / width))];
    if (bar !== undefined) bar.count++;
  }
  return { bars: found, leastMinor, mostMinor };
}
