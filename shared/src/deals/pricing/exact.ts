/** The largest amount that one field may hold (minorSchema): sums of a basket then stay far below 2^53. */
const minorMax = 1_000_000_000_000;
/** The most units of a line. */
const unitsMax = 99;

/** Throws a RangeError that names the field unless it is a whole amount from 0 to a million million minor units. */
export function mustBeMinor(value: number, field: string): void {
  mustBeWhole(value, field, { min: 0, max: minorMax });
}

/** Throws a RangeError that names the field unless it is a number of units from 1 to 99. */
export function mustBeUnits(value: number, field: string): void {
  mustBeWhole(value, field, { min: 1, max: unitsMax });
}

/** Throws a RangeError that names the field unless it is a whole number in this range. */
export function mustBeWhole(value: number, field: string, { min, max }: { min: number; max: number }): void {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new RangeError(`${field} must be a whole number from ${min} to ${max}, not ${String(value)}`);
}

/** a x b / c as whole number and rest, exact for all whole numbers below 2^53. */
function timesOver(a: number, b: number, c: number): { whole: number; rest: number } {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % c;
    return { whole: (product - rest) / c, rest };
  }
  const exact = BigInt(a) * BigInt(b);
  return { whole: Number(exact / BigInt(c)), rest: Number(exact % BigInt(c)) };
}

/** That many thousandths of an amount, rounded down. */
export function permilleOf(minor: number, permille: number): number {
  return timesOver(minor, permille, 1_000).whole;
}

/**
 * Splits an amount over lines in proportion to their weights, by the largest remainder (Hamilton's method; of equal
 * remainders the earlier line's): the parts are whole, sum to the amount, and none is above its weight as long as the
 * amount is not above their sum.
 */
export function spread(minor: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (minor > sum) throw new RangeError(`${minor} cannot be spread over lines that come to ${sum}`);
  if (minor === 0) return weights.map(() => 0);
  const parts = weights.map((weight) => timesOver(minor, weight, sum));
  let left = minor - parts.reduce((a, part) => a + part.whole, 0);
  const byRest = parts.map((part, i) => ({ i, rest: part.rest })).toSorted((a, b) => b.rest - a.rest || a.i - b.i);
  const given = parts.map((part) => part.whole);
  for (const { i } of byRest) {
    if (left === 0) break;
    given[i] = (given[i] ?? 0) + 1;
    left--;
  }
  return given;
}
