import type { CommandOutcome } from '@elevens/shared/src/contracts.ts';
import { describe, expect, it } from 'vitest';
import { createQueries, type ListName } from './queries.ts';

type Outcome = CommandOutcome<ListName>;
const reply = (nowMs: number, ...endsAtMs: number[]): Outcome => ({
  ok: true,
  reply: { nowMs, drops: endsAtMs.map((closesAtMs, i) => ({ dropId: `rain~${i}`, closesAtMs })) } as never,
});

/** A world in which the test says when time passes and what is answered. */
function world(...answers: Outcome[]) {
  const timers: { ms: number; act: () => void }[] = [];
  const w = { nowMs: 1_000_000, asked: 0 };
  const queries = createQueries({
    nowMs: () => w.nowMs,
    call: async () => answers[Math.min(w.asked++, answers.length - 1)] ?? reply(w.nowMs),
    later: (ms, act) => {
      const timer = { ms, act };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
  return { w, timers, queries };
}
const settled = () => new Promise<void>((resolve) => void setTimeout(resolve, 0));

describe('lists that pages share', () => {
  it('are asked for once however many show them', async () => {
    const { w, queries } = world();
    queries.subscribe('redpackets:list', () => undefined);
    queries.subscribe('redpackets:list', () => undefined);
    await settled();
    queries.subscribe('redpackets:list', () => undefined);
    await settled();
    expect(w.asked).toBe(1);
  });

  it('are asked for again a little after the next thing in them ends, not all at the same moment', async () => {
    const { timers, queries } = world(reply(0, 1_060_000, 1_020_000));
    queries.subscribe('redpackets:list', () => undefined);
    await settled();
    expect(timers).toHaveLength(1);
    expect(timers[0]?.ms).toBeGreaterThan(20_000);
    expect(timers[0]?.ms).toBeLessThan(23_000);
  });

  it('are never asked for in a hurry, even if something ends every second', async () => {
    const { timers, queries } = world(reply(0, 1_000_100));
    queries.subscribe('redpackets:list', () => undefined);
    await settled();
    expect(timers[0]?.ms).toBeGreaterThanOrEqual(4_000);
  });

  it('keep what they had when asking again fails, and go on trying', async () => {
    const { w, timers, queries } = world(reply(0, 1_020_000), { ok: false, fault: 'unavailable', retryAfterMs: 1_000 });
    queries.subscribe('redpackets:list', () => undefined);
    await settled();
    timers.splice(0)[0]?.act();
    await settled();
    expect(w.asked).toBe(2);
    expect(queries.read('redpackets:list').is).toBe('ready');
    expect(timers).toHaveLength(1);
  });

  it('say why when they never came', async () => {
    const { queries } = world({ ok: false, fault: 'overloaded', retryAfterMs: 1_000 });
    queries.subscribe('redpackets:list', () => undefined);
    expect(queries.read('redpackets:list')).toEqual({ is: 'loading' });
    await settled();
    expect(queries.read('redpackets:list')).toMatchObject({ is: 'failed', fault: { fault: 'overloaded' } });
  });

  it('are forgotten when nobody shows them, so that they are fresh the next time', async () => {
    const { w, timers, queries } = world(reply(0, 1_020_000));
    const stop = queries.subscribe('redpackets:list', () => undefined);
    await settled();
    stop();
    timers.splice(0)[0]?.act();
    await settled();
    expect(w.asked).toBe(1);
    expect(queries.read('redpackets:list')).toEqual({ is: 'loading' });
  });
});
