import { describe, expect, test } from 'vitest';
import { occurrenceIdSchema, positionSchema, recordIdSchema, requestIdSchema, shopperIdSchema } from './ids.ts';
import { occurrenceId, recordIdOf } from './occurrence-ids.ts';

describe('the id of an occurrence', () => {
  test('is the record and its number, and leads back to the record', () => {
    for (const number of [0, 7, 9_999_999]) {
      const id = occurrenceId('iron-pan', number);
      expect(id).toBe(`iron-pan~${number}`);
      expect(recordIdOf(id)).toBe('iron-pan');
      expect(occurrenceIdSchema.safeParse(id).success).toBe(true);
    }
  });

  test('is the record itself where that happens once', () => {
    expect(occurrenceId('iron-pan', null)).toBe('iron-pan');
    expect(recordIdOf('iron-pan')).toBe('iron-pan');
  });

  test.each(['iron-pan~', 'iron-pan~x', 'iron-pan~12345678', 'iron-pan~1~2', '~1', 'Iron~1', 'iron pan~1', 'a\n~1'])(
    'is not %j',
    (text) => {
      expect(occurrenceIdSchema.safeParse(text).success).toBe(false);
    },
  );

  test('fits every record whose id is as long as ids may be', () => {
    const longest = 'a'.repeat(48);
    expect(recordIdSchema.safeParse(longest).success).toBe(true);
    expect(recordIdSchema.safeParse(`${longest}a`).success).toBe(false);
    expect(occurrenceIdSchema.safeParse(occurrenceId(longest, 9_999_999)).success).toBe(true);
  });
});

describe('the id of a request', () => {
  test.each(['12345678', '6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'a_b-c_d-e', 'x'.repeat(64)])('may be %j', (text) => {
    expect(requestIdSchema.safeParse(text).success).toBe(true);
  });
  test.each(['1234567', 'x'.repeat(65), 'has space', 'tschüss-12', 'semi;colon', '12345678\n', 12_345_678, null])(
    'is not %j',
    (text) => {
      expect(requestIdSchema.safeParse(text).success).toBe(false);
    },
  );
});

describe('the id of a person', () => {
  test('is 22 characters of chance for a guest and a name for staff', () => {
    expect(shopperIdSchema.safeParse(`s_${'aB3_-'.repeat(4)}xy`).success).toBe(true);
    expect(shopperIdSchema.safeParse('u_desk').success).toBe(true);
  });
  test.each(['s_short', `s_${'a'.repeat(23)}`, 'u_', 'u_Desk', `u_${'a'.repeat(41)}`, 'x_desk', '__proto__', ''])(
    'is not %j',
    (text) => {
      expect(shopperIdSchema.safeParse(text).success).toBe(false);
    },
  );
});

test('a position is a short word without white space', () => {
  expect(positionSchema.safeParse('Yw3k.1207').success).toBe(true);
  for (const text of ['', 'a b', 'x'.repeat(65), '{"a":1}']) expect(positionSchema.safeParse(text).success).toBe(false);
});
