import { readFileSync } from 'node:fs';
import { readFestival, recordKinds, recordSchemas } from '@elevens/shared/src/catalogue/festival.ts';
import { expect, test } from 'vitest';

const page = readFileSync(new URL('../../docs/FESTIVAL.md', import.meta.url), 'utf8');

test('the festival shown in docs/FESTIVAL.md is one that loads', () => {
  const example = /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
  const read = readFestival(JSON.parse(example));
  expect(read.ok ? [] : read.problems).toEqual([]);
});

test('docs/FESTIVAL.md names every kind of record and every field of it', () => {
  for (const kind of recordKinds) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${kind}\``)) ?? '';
    for (const field of Object.keys(recordSchemas[kind].shape)) {
      if (field !== 'id') expect(row, `${kind}.${field}`).toContain(`\`${field}\``);
    }
  }
});
