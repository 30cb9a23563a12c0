/**
 * How many shoppers come to an evening and when they do what, counted from the moment the first one may come. Pure
 * numbers, read by the runner and by k6.
 */
export interface Evening {
  shoppers: number;
  /** Shoppers arrive evenly over this stretch. */
  rampMs: number;
  /** When everybody claims, in the same moment of the server's clock. */
  claimAtMs: number;
  /** When everybody opens a packet. */
  openAtMs: number;
  /** When the first leave; the rest follow within a second. */
  endAtMs: number;
  /** Between two lines of chat of one shopper. */
  chatEveryMs: number;
  /** An evening that is not over by then has failed: long waits inside it are all bounded well below. */
  durationMsMax: number;
}

/**
 * short: part of every check; small enough for two slow cores, large enough that everything scarce runs out.
 * full: three hundred people in one room; about 2,500 lines a second are delivered, which half a core of k6
 * reads without falling behind.
 */
export const evenings = {
  short: {
    shoppers: 60,
    rampMs: 6_000,
    claimAtMs: 8_000,
    openAtMs: 10_000,
    endAtMs: 16_000,
    chatEveryMs: 3_000,
    durationMsMax: 60_000,
  },
  full: {
    shoppers: 300,
    rampMs: 25_000,
    claimAtMs: 30_000,
    openAtMs: 38_000,
    endAtMs: 65_000,
    chatEveryMs: 20_000,
    durationMsMax: 150_000,
  },
} as const satisfies Record<string, Evening>;
