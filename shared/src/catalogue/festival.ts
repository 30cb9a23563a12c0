import { z } from 'zod';
import { placeSchema } from '../campaign/contract.ts';
import { contracts } from '../contracts.ts';
import { discountProblems, overlapProblem, overlappingDeals } from '../deals/pricing/authoring.ts';
import type { Problem } from '../faults.ts';
import { recordIdSchema } from '../ids.ts';
import { currencySchema } from '../money-schema.ts';
import { parseWhen } from '../time.ts';
import { everOverlap } from './overlap.ts';

/**
 * A festival is a file: who sells what, when, and at which price. Every contract says which records it lives from, so a
 * new capability's records are in the file, in its schema and in the commands without a line here.
 */

/** Records of one kind: far more than an evening needs, few enough that every node holds all of them in memory. */
export const recordsPerKindMax = 2_000;
/** Problems told at once; whoever has more mends these first. */
const problemsMax = 50;
const placesMax = 8;

type Declared = (typeof contracts)[number]['records'];
type Merged<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never;
type Schemas = Merged<Declared>;

/** The plural under which a festival file lists a kind of record: 'brands', 'deals', ... */
export type RecordKind = keyof Schemas;
export type RecordOf<K extends RecordKind> = Schemas[K] extends z.ZodType ? z.output<Schemas[K]> : never;
/** What every record is, whatever its kind. */
export type AnyRecord = { id: string } & Readonly<Record<string, unknown>>;

/** The schema of each kind of record, in the order in which records may refer to each other. */
export const recordSchemas = Object.assign({}, ...contracts.map((c) => c.records)) as Record<RecordKind, z.ZodObject>;
export const recordKinds = Object.keys(recordSchemas) as RecordKind[];

export function isRecordKind(text: string): text is RecordKind {
  return Object.hasOwn(recordSchemas, text);
}

/** Whether this machine knows a place's clock; a time zone it does not know would stop the page that shows it. */
function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const festivalHeadSchema = z.strictObject({
  id: recordIdSchema,
  title: z.string().min(1).max(80),
  /** The first is the festival's own: midnight is midnight there. */
  places: z
    .array(
      placeSchema.refine((p) => isTimeZone(p.timeZone), {
        path: ['timeZone'],
        message: 'must be a time zone such as Asia/Shanghai',
      }),
    )
    .min(1)
    .max(placesMax),
  currency: currencySchema,
  /** When and how sellers are paid. */
  payout: z
    .strictObject({
      /** The platform's part of a sale, in thousandths. */
      commissionPermille: z.int().min(0).max(1_000).default(50),
      /** Days after which a delivery that nobody disputed counts as received, so that the seller is paid. */
      confirmDays: z.int().min(1).max(90).default(10),
      /** Days after receipt in which the goods can be sent back. */
      refundDays: z.int().min(1).max(90).default(7),
    })
    .prefault({}),
});
export type FestivalHead = z.infer<typeof festivalHeadSchema>;

export type Festival = { festival: FestivalHead } & { [K in RecordKind]: RecordOf<K>[] };

const lists = Object.fromEntries(
  recordKinds.map((kind) => [kind, z.array(recordSchemas[kind]).max(recordsPerKindMax).default([])]),
);

/** The shape of a festival file. What no shape can say (references, ids, phases, stock, discounts) is checked by `readFestival`. */
const festivalSchema = z.strictObject({
  /** So that an editor can help: the address of this schema. */
  $schema: z.string().max(500).exactOptional(),
  festival: festivalHeadSchema,
  ...lists,
});

/** A field of this name names a record of that kind, in whatever kind of record it stands. */
const REFERENCES: Readonly<Record<string, RecordKind>> = {
  brandId: 'brands',
  productId: 'products',
  productIds: 'products',
  dealIds: 'deals',
};

export interface Reference {
  /** Where in the record it stands: `productId`, `dealIds.2`. */
  path: string;
  kind: RecordKind;
  id: string;
}

/** The records that a record names. */
export function referencesOf(record: AnyRecord): Reference[] {
  const found: Reference[] = [];
  for (const [field, kind] of Object.entries(REFERENCES)) {
    const value = record[field];
    if (typeof value === 'string') found.push({ path: field, kind, id: value });
    if (Array.isArray(value)) found.push(...value.map((id, i) => ({ path: `${field}.${i}`, kind, id: String(id) })));
  }
  return found;
}

/** Finds a record by kind and id; how a check looks beyond the record before it. */
export type Lookup = (kind: RecordKind, id: string) => AnyRecord | undefined;

/** Whose record it is: the brand itself, the brand it names, or the brand of the product it names. Null: the festival's. */
export function brandOf(kind: RecordKind, record: AnyRecord, lookup: Lookup): string | null {
  if (kind === 'brands') return record.id;
  if (typeof record.brandId === 'string') return record.brandId;
  if (typeof record.productId !== 'string') return null;
  const product = lookup('products', record.productId);
  return typeof product?.brandId === 'string' ? product.brandId : null;
}

/** References of a record that lead nowhere. */
export function danglingOf(record: AnyRecord, lookup: Lookup): Problem[] {
  return referencesOf(record)
    .filter((r) => lookup(r.kind, r.id) === undefined)
    .map((r) => ({ path: r.path, message: `there is no record "${r.id}" among ${r.kind}` }));
}

/** Phases that are on while another is: the page could not say which part of the evening it is. */
export function overlappingPhases(
  phases: readonly { id: string; when: string }[],
  firstStartMs: number | null,
): { index: number; with: string }[] {
  const schedules = phases.map((p) => ({ id: p.id, schedule: parseWhen(p.when) }));
  const found: { index: number; with: string }[] = [];
  for (const [index, later] of schedules.entries()) {
    const earlier = schedules.slice(0, index).find((p) => everOverlap(p.schedule, later.schedule, firstStartMs));
    if (earlier !== undefined) found.push({ index, with: earlier.id });
  }
  return found;
}

function problemsWithin(festival: Festival): Problem[] {
  const problems: Problem[] = [];
  const byKind = new Map<RecordKind, Map<string, AnyRecord>>();
  for (const kind of recordKinds) {
    const seen = new Map<string, AnyRecord>();
    for (const [i, record] of (festival[kind] as readonly AnyRecord[]).entries()) {
      if (seen.has(record.id)) problems.push({ path: `${kind}.${i}.id`, message: `"${record.id}" is there twice` });
      seen.set(record.id, record);
    }
    byKind.set(kind, seen);
  }
  const lookup: Lookup = (kind, id) => byKind.get(kind)?.get(id);
  for (const kind of recordKinds) {
    for (const [i, record] of (festival[kind] as readonly AnyRecord[]).entries()) {
      problems.push(...danglingOf(record, lookup).map((p) => ({ ...p, path: `${kind}.${i}.${p.path}` })));
    }
  }
  for (const [i, coupon] of festival.coupons.entries())
    problems.push(...foreignProductsOf(coupon, lookup).map((p) => ({ ...p, path: `coupons.${i}.${p.path}` })));
  problems.push(...problemsInTime(festival, null));
  return problems;
}

/** Products that a brand's coupon names and that are another brand's. */
export function foreignProductsOf(coupon: RecordOf<'coupons'>, lookup: Lookup): Problem[] {
  const { brandId, productIds = [] } = coupon;
  if (brandId === undefined) return [];
  return productIds.flatMap((id, i) => {
    const product = lookup('products', id);
    if (product === undefined || product.brandId === brandId) return [];
    return [{ path: `productIds.${i}`, message: `"${id}" is not a product of "${brandId}"` }];
  });
}

/**
 * What depends on when the festival first starts: phases and deals that are on at once, and discounts that do not undercut
 * the 30 days before them. With null (a file that nobody has started yet) only what is wrong whenever it starts is told.
 */
export function problemsInTime(festival: Festival, firstStartMs: number | null): Problem[] {
  const problems: Problem[] = [];
  for (const { index, with: other } of overlappingPhases(festival.phases, firstStartMs)) {
    problems.push({
      path: `phases.${index}.when`,
      message: `is on while the phase "${other}" is; phases may not overlap`,
    });
  }
  const within = (i: number) => (p: Problem) => ({ ...p, path: `deals.${i}.${p.path}` });
  const products = new Map(festival.products.map((p) => [p.id, p]));
  for (const [i, deal] of festival.deals.entries()) {
    const product = products.get(deal.productId);
    if (product !== undefined) problems.push(...discountProblems(product, deal, firstStartMs).map(within(i)));
  }
  for (const { index, with: other } of overlappingDeals(festival.deals, firstStartMs)) {
    const deal = festival.deals[index];
    if (deal !== undefined) problems.push(within(index)(overlapProblem(deal, other)));
  }
  return problems.slice(0, problemsMax);
}

/** Problems of a schema, each by its path (`deals.3.priceMinor`). */
export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.slice(0, problemsMax).map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
}

/**
 * Reads a festival from parsed JSON. Every record is checked by its kind's schema, then ids, references, phases and
 * deals by each other. Says every problem by its path, at most 50 at once.
 */
export function readFestival(json: unknown): { ok: true; festival: Festival } | { ok: false; problems: Problem[] } {
  const parsed = festivalSchema.safeParse(json);
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error) };
  const { $schema: _, ...rest } = parsed.data;
  const festival = rest as unknown as Festival;
  const problems = problemsWithin(festival);
  return problems.length > 0 ? { ok: false, problems: problems.slice(0, problemsMax) } : { ok: true, festival };
}

/** The shape of a festival file as JSON Schema (draft 2020-12), for editors and for whoever writes one by program. */
export function festivalJsonSchema(): object {
  return {
    ...z.toJSONSchema(festivalSchema, { io: 'input' }),
    title: 'An Elevens festival',
    description:
      'Who sells what, when, and at which price. References, ids, phases, stock and discounts are checked when it is loaded.',
  };
}
