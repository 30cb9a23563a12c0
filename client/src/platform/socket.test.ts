import type { FaultAnswer, FaultCode } from '@elevens/shared/src/faults.ts';
import { describe, expect, it } from 'vitest';
import { untilAnswered } from './socket.ts';

type Answer = { ok: true; reply: string } | { ok: false; why: 'sold-out' } | FaultAnswer;
const fault = (code: FaultCode, retryAfterMs: number | null = 200): Answer => ({
  ok: false,
  fault: code,
  retryAfterMs,
});
const fine: Answer = { ok: true, reply: 'held' };

/** Gives the answers in turn; the last one again and again. */
async function sent(...answers: Answer[]) {
  let asked = 0;
  const waits: number[] = [];
  const outcome = await untilAnswered<Answer>(
    async () => answers[Math.min(asked++, answers.length - 1)] ?? fine,
    async (ms) => void waits.push(ms),
  );
  return { outcome, asked, waits };
}

describe('one intention', () => {
  it('is sent once when it is answered, whatever the answer', async () => {
    expect(await sent(fine)).toMatchObject({ outcome: fine, asked: 1, waits: [] });
    expect(await sent({ ok: false, why: 'sold-out' })).toMatchObject({ asked: 1 });
  });

  it('is sent again after a lost answer, and learns the first one', async () => {
    expect(await sent(fault('unknown'), fault('unavailable'), fine)).toMatchObject({ outcome: fine, asked: 3 });
  });

  it('waits as long as it is told and up to half as long again, never together with all others', async () => {
    const { waits } = await sent(fault('overloaded', 1_000), fine);
    expect(waits[0]).toBeGreaterThanOrEqual(1_000);
    expect(waits[0]).toBeLessThanOrEqual(1_500);
  });

  it('does not wait longer than a person would, whatever it is told', async () => {
    const { waits } = await sent(fault('rate-limited', 600_000), fine);
    expect(waits[0]).toBeLessThanOrEqual(7_500);
  });

  it('is given up after five tries, and at once where sending again cannot help', async () => {
    expect(await sent(fault('overloaded'))).toMatchObject({ outcome: fault('overloaded'), asked: 5 });
    expect(await sent(fault('bad-input', null))).toMatchObject({ asked: 1 });
  });

  it('stays pending once it was decided, because a node that takes nothing new meanwhile cannot say that it was not', async () => {
    expect((await sent(fault('pending'), fault('unavailable'))).outcome).toEqual(fault('pending'));
  });

  it('stays unknown once an answer was lost, because what came after cannot say that nothing happened', async () => {
    expect((await sent(fault('unknown'), fault('unavailable'))).outcome).toEqual(fault('unknown'));
    expect((await sent(fault('unknown'), fault('unauthenticated', null))).outcome).toEqual(fault('unknown'));
  });
});
