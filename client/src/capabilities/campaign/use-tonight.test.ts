import type { ProgrammeEntry } from '@elevens/shared/src/campaign/contract.ts';
import { tonightAt } from '@elevens/shared/src/campaign/programme.ts';
import { describe, expect, it } from 'vitest';
import { addressOf, missedBefore, rowsOf } from './use-tonight.ts';

const entry = (id: string, kind: ProgrammeEntry['kind'], startsAtMs: number, endsAtMs: number): ProgrammeEntry => ({
  id,
  kind,
  title: id,
  blurb: '',
  brandId: null,
  startsAtMs,
  endsAtMs,
});

describe('the running order', () => {
  const programme = [
    entry('warm-up', 'phase', 0, 1_000),
    entry('kettle~0', 'deal', 0, 100),
    entry('rain~0', 'drop', 100, 150),
    entry('kettle~1', 'deal', 500, 600),
    entry('folding', 'session', 300, 900),
    entry('main', 'phase', 1_000, 2_000),
  ];

  it('tells what a late comer missed once each, with the time it comes round again', () => {
    const missed = missedBefore(tonightAt(programme, 400), 400);
    expect(missed.map((m) => [m.entry.id, m.again?.id ?? null])).toEqual([
      ['rain~0', null],
      ['kettle~0', 'kettle~1'],
    ]);
  });

  it('does not call missed what ended after one came, nor what is on again', () => {
    expect(missedBefore(tonightAt(programme, 400), 120).map((m) => m.entry.id)).toEqual(['kettle~0']);
    expect(missedBefore(tonightAt(programme, 550), 550).map((m) => m.entry.id)).toEqual(['rain~0']);
  });

  it('shows past, now and ahead in this order, a phase only where it begins', () => {
    expect(rowsOf(tonightAt(programme, 400)).map((r) => `${r.when} ${r.entry.id}`)).toEqual([
      'past kettle~0',
      'past rain~0',
      'now folding',
      'ahead kettle~1',
      'ahead main',
    ]);
  });

  it('leads to a page for what has one', () => {
    expect(programme.map(addressOf)).toEqual([
      null,
      '/deals/kettle~0',
      '/packets/rain~0',
      '/deals/kettle~1',
      '/live/folding',
      null,
    ]);
  });
});
