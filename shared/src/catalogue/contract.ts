import { z } from 'zod';
import { change, defineContract, feed, query } from '../contract.ts';
import { recordIdSchema } from '../ids.ts';
import { brandRecord, productRecord } from './records.ts';

/** The plural under which a festival file lists a kind of record: `deals`, `drops`, ... */
const recordKindSchema = z.string().regex(/^[a-z-]{1,24}$/, 'must be a kind of record, such as deals');

export const catalogue = defineContract('catalogue', {
  commands: {
    list: query({
      summary: 'All records of one kind, as authored.',
      input: { kind: recordKindSchema },
      reply: z.strictObject({ version: z.int(), records: z.array(z.record(z.string(), z.unknown())) }),
      rejections: { 'unknown-kind': z.strictObject({}) },
      callers: ['brand', 'host', 'operator'],
      cost: 5,
    }),
    save: change({
      summary: 'Makes or changes one authored record. A brand may write only what is its own.',
      input: { kind: recordKindSchema, record: z.record(z.string().max(40), z.unknown()) },
      reply: z.strictObject({ id: recordIdSchema, version: z.int() }),
      rejections: {
        'unknown-kind': z.strictObject({}),
        'bad-record': z.strictObject({ problems: z.array(z.strictObject({ path: z.string(), message: z.string() })) }),
        'not-yours': z.strictObject({}),
        'catalogue-full': z.strictObject({ recordsMax: z.int() }),
      },
      callers: ['brand', 'operator'],
      cost: 10,
    }),
    remove: change({
      summary: 'Takes one authored record out. What shoppers already hold of it stays theirs.',
      input: { kind: recordKindSchema, id: recordIdSchema },
      reply: z.strictObject({ version: z.int() }),
      rejections: {
        'unknown-kind': z.strictObject({}),
        'unknown-record': z.strictObject({}),
        'not-yours': z.strictObject({}),
        'still-used': z.strictObject({ by: z.string() }),
      },
      callers: ['brand', 'operator'],
      cost: 10,
    }),
  },
  feeds: {
    version: feed({
      summary: 'The version of the catalogue (id: all). When it moves, ask for what you show again.',
      kind: 'state',
      payload: z.strictObject({ version: z.int() }),
      id: z.literal('all'),
      callers: 'anyone',
      scope: 'public',
    }),
  },
  records: { brands: brandRecord, products: productRecord },
});
