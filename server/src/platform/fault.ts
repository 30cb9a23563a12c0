import type { FaultAnswer, FaultCode, Problem } from '@elevens/shared/src/faults.ts';
import { faults } from '@elevens/shared/src/faults.ts';

/** Thrown where a call cannot be decided. The gateway turns it into its answer; nothing else catches it. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly retryAfterMs: number | null;
  readonly problems: Problem[] | undefined;
  constructor(code: FaultCode, details: { retryAfterMs?: number; problems?: Problem[]; cause?: unknown } = {}) {
    super(faults[code].meaning, { cause: details.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryAfterMs = faults[code].retry ? (details.retryAfterMs ?? 1_000) : null;
    this.problems = details.problems;
  }
  answer(): FaultAnswer {
    return {
      ok: false,
      fault: this.code,
      retryAfterMs: this.retryAfterMs,
      ...(this.problems === undefined ? {} : { problems: this.problems }),
    };
  }
}
