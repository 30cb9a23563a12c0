import { z } from 'zod';
import { recordIdSchema } from '../ids.ts';
import { minorSchema } from '../money-schema.ts';
import { durationMs, durationSchema, parseWhen, type Schedule, whenSchema } from '../time.ts';
import { couponKinds, fundingOf } from './pricing/coupon-kinds.ts';

/** A flash deal is on for 10 s to 24 h at a time; what is on for longer is a price, not a flash. */
const flashForMsMin = 10_000;
const flashForMsMax = 86_400_000;
/** A deposit window may stay open for the weeks before a festival. */
const depositForMsMax = 31 * 86_400_000;
const balanceForMsMin = 10_000;
const balanceMsMax = 31 * 86_400_000;
const earlierMsMin = 1_000;
const earlierMsMax = 86_400_000;
/** One early opening for each of the four lanterns. */
const earlyMax = 4;
/** Products that one coupon names; whoever means more means the brand. */
const couponProductsMax = 200;

/** What is no length or schedule at all has been said by its own schema; what builds on it says nothing more. */
function msOf(duration: string): number | null {
  return durationSchema.safeParse(duration).success ? durationMs(duration) : null;
}
function scheduleOf(when: string): Schedule | null {
  return whenSchema.safeParse(when).success ? parseWhen(when) : null;
}

function durationBetween(minMs: number, maxMs: number, words: string) {
  return durationSchema.refine((text) => {
    const ms = msOf(text);
    return ms === null || (ms >= minMs && ms <= maxMs);
  }, words);
}

/** A deposit now, the balance later. All amounts are for one unit; the deal's price is the full price before the deposit expands. */
const presaleSchema = z
  .strictObject({
    depositMinor: minorSchema.min(1),
    /** What the deposit counts for at the balance: pay 100, worth 200. */
    depositWorthMinor: minorSchema.min(1),
    /** How long after the deposit window closes the balance can be paid. */
    balanceAfter: durationBetween(0, balanceMsMax, 'must be from 0s to 31d'),
    balanceFor: durationBetween(balanceForMsMin, balanceMsMax, 'must be from 10s to 31d'),
    /** The part of the deposit, in thousandths, that is lost when the balance is not paid in its time. */
    forfeitPermille: z.int().min(0).max(1_000),
  })
  .refine((p) => p.depositWorthMinor >= p.depositMinor, {
    path: ['depositWorthMinor'],
    message: 'must be at least depositMinor: a deposit never shrinks',
  });

const earlySchema = z.strictObject({
  /** Lanterns lit by energy. */
  level: z.int().min(1).max(4),
  opensEarlier: durationBetween(earlierMsMin, earlierMsMax, 'must be from 1s to 24h'),
  /** The price for whoever has that level, from then until the deal closes; absent: that of the level below, or of all. */
  priceMinor: minorSchema.min(1).exactOptional(),
});

export const dealRecord = z
  .strictObject({
    id: recordIdSchema,
    productId: recordIdSchema,
    when: whenSchema,
    priceMinor: minorSchema.min(1),
    /** Units to be had each time the deal opens. */
    total: z.int().min(1).max(10_000_000),
    limitPerShopper: z.int().min(1).max(99),
    /** How long a claimed unit waits for its shopper. */
    hold: durationBetween(10_000, 3_600_000, 'must be from 10s to 1h'),
    /** There: a presale, and `when` is its deposit window. Absent: a flash deal. */
    presale: presaleSchema.exactOptional(),
    /** Earlier openings, from the lowest level to the highest. */
    early: z.array(earlySchema).min(1).max(earlyMax).exactOptional(),
    /** Which stock of the product is sold; absent: `main`. Deals of one lot may not be on at once. */
    lot: recordIdSchema.exactOptional(),
  })
  .superRefine((deal, context) => {
    const schedule = scheduleOf(deal.when);
    if (schedule === null) return;
    const forMsMax = deal.presale === undefined ? flashForMsMax : depositForMsMax;
    if (schedule.forMs < flashForMsMin || schedule.forMs > forMsMax) {
      const message =
        deal.presale === undefined
          ? 'must be on for 10s to 24h: this is a flash deal'
          : 'must be on for 10s to 31d: this is the deposit window of a presale';
      context.addIssue({ code: 'custom', path: ['when'], message });
    }
    if (deal.presale !== undefined && deal.presale.depositWorthMinor > deal.priceMinor) {
      const message = 'must not be more than priceMinor';
      context.addIssue({ code: 'custom', path: ['presale', 'depositWorthMinor'], message });
    }
    let last = { level: 0, earlierMs: 0, priceMinor: deal.priceMinor };
    for (const [i, tier] of (deal.early ?? []).entries()) {
      const earlierMs = msOf(tier.opensEarlier) ?? last.earlierMs;
      const priceMinor = tier.priceMinor ?? last.priceMinor;
      const problem = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['early', i, field], message });
      if (tier.level <= last.level) problem('level', 'must be above the level before it');
      if (earlierMs < last.earlierMs) problem('opensEarlier', 'must not be less than that of a lower level');
      if (priceMinor > last.priceMinor) problem('priceMinor', 'must not be above the price of a lower level or of all');
      if (deal.presale !== undefined && priceMinor < deal.presale.depositWorthMinor)
        problem('priceMinor', 'must be at least what the deposit is worth');
      if (schedule.kind === 'every' && earlierMs + schedule.forMs > schedule.everyMs)
        problem('opensEarlier', 'must not reach back into the round before');
      last = { level: tier.level, earlierMs, priceMinor };
    }
  });
export type DealRecord = z.infer<typeof dealRecord>;

/** What a deal is, by the terms that it has. Another type of deal brings a field of its own and a word here. */
export type DealKind = 'flash' | 'presale';
export function kindOf(deal: Pick<DealRecord, 'presale'>): DealKind {
  return deal.presale === undefined ? 'flash' : 'presale';
}

/** Which stock of its product a deal sells. */
export function lotOf(deal: Pick<DealRecord, 'lot'>): string {
  return deal.lot ?? 'main';
}

export const couponRecord = z
  .strictObject({
    id: recordIdSchema,
    title: z.string().min(1).max(80),
    /** Says who pays for it: brand and shop coupons lower the seller's price, the others come from the platform's fund. */
    kind: z.enum(couponKinds),
    /** Whose it is: needed by brand and shop coupons, and not to be had by the others. */
    brandId: recordIdSchema.exactOptional(),
    /** Only these products; absent: all of the brand, or of the street. */
    productIds: z.array(recordIdSchema).min(1).max(couponProductsMax).exactOptional(),
    offMinor: minorSchema.min(1),
    /** What the goods it covers must come to, at the deals' prices; 0: nothing. */
    fromMinor: minorSchema,
    /** Taken off once for every full `fromMinor`, rather than once. */
    repeats: z.boolean(),
    when: whenSchema,
    /** Uses are counted over the whole festival, not anew each time the coupon comes round. */
    usesPerShopper: z.int().min(1).max(99),
    total: z.int().min(1).max(10_000_000),
    /** Lanterns that must be lit, for energy coupons. */
    levelMin: z.int().min(0).max(4).exactOptional(),
    /** The kinds that it may be used beside. Both sides must name each other. */
    stacksWith: z
      .array(z.enum(couponKinds))
      .max(couponKinds.length)
      .refine((kinds) => new Set(kinds).size === kinds.length, 'must name each kind once'),
  })
  .superRefine((coupon, context) => {
    const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    // Whoever pays for it owns it.
    const branded = fundingOf(coupon.kind) === 'seller';
    if (branded && coupon.brandId === undefined) problem('brandId', `is needed by a ${coupon.kind} coupon`);
    if (!branded && coupon.brandId !== undefined) problem('brandId', `is not for a ${coupon.kind} coupon`);
    if (coupon.repeats && coupon.fromMinor === 0) problem('fromMinor', 'must be more than 0 where it repeats');
    if (coupon.fromMinor > 0 && coupon.offMinor > coupon.fromMinor)
      problem('offMinor', 'must not be more than fromMinor');
    if (coupon.kind !== 'energy' && coupon.levelMin !== undefined) problem('levelMin', 'is only for energy coupons');
  });
export type CouponRecord = z.infer<typeof couponRecord>;
