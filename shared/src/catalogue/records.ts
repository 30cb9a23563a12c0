import { z } from 'zod';
import { recordIdSchema } from '../ids.ts';
import { minorSchema } from '../money-schema.ts';
import { whenSchema } from '../time.ts';

const colour = z.string().regex(/^#[0-9a-f]{6}$/, 'must be a colour such as #d8472f');
const title = z.string().min(1).max(80);

/** How a product is drawn (client/src/ui/pictures): nothing is fetched. */
export const pictureSchema = z.strictObject({
  shape: z.enum(['kettle', 'lamp', 'headphones', 'knit', 'jar', 'toy', 'pan', 'speaker']),
  /** The three papers the thing is cut from: base, shade, light. */
  tone: z.tuple([colour, colour, colour]),
  accent: colour,
  /** The sheet behind it: dark, so that the thing stands out. */
  ground: colour,
  /** Proportion of the body in hundredths, squat (80) to tall (120). */
  proportion: z.int().min(80).max(120),
});
export type Picture = z.infer<typeof pictureSchema>;

export const logoSchema = z.strictObject({
  form: z.enum(['disc', 'arch', 'drop', 'notch', 'gate', 'wave']),
  cut: z.enum(['steam', 'ribs', 'waves', 'knit', 'moon', 'orbit']),
  tone: colour,
  on: colour,
});
export type Logo = z.infer<typeof logoSchema>;

export const brandRecord = z.strictObject({
  id: recordIdSchema,
  name: title,
  tagline: z.string().max(120),
  logo: logoSchema,
});

/** A price every few days for the months that count; older ones decide nothing. */
const pastPricesMax = 64;
const isoMoment = z.iso.datetime({ offset: true, error: 'must be a moment such as 2026-10-01T00:00:00+08:00' });

const pastPriceSchema = z
  .strictObject({
    priceMinor: minorSchema.min(1),
    from: isoMoment,
    /** Absent: it still was when the festival began. */
    until: isoMoment.exactOptional(),
  })
  .refine((p) => p.until === undefined || Date.parse(p.until) > Date.parse(p.from), {
    path: ['until'],
    message: 'must be after from',
  });

export const productRecord = z.strictObject({
  id: recordIdSchema,
  brandId: recordIdSchema,
  name: title,
  blurb: z.string().max(280),
  /** The price outside the festival. */
  listMinor: minorSchema.min(1),
  /** What one unit is called, for sentences such as "One kettle is yours to pay". */
  unit: z.string().min(1).max(24),
  /** What it cost when, before the festival. Where this says nothing, it cost `listMinor`. */
  pastPrices: z.array(pastPriceSchema).max(pastPricesMax).exactOptional(),
  picture: pictureSchema,
});

/** A stretch of the evening: warm-up, main night, last lanterns. Phases may not overlap. */
export const phaseRecord = z.strictObject({ id: recordIdSchema, title, blurb: z.string().max(200), when: whenSchema });
/** A point of the evening worth counting down to that is neither deal, drop nor session. */
export const momentRecord = z.strictObject({ id: recordIdSchema, title, blurb: z.string().max(200), when: whenSchema });

export type Brand = z.infer<typeof brandRecord>;
export type Product = z.infer<typeof productRecord>;
