import { pino } from 'pino';

/** What the code logs with: an object of low-cardinality facts and a short sentence. Never a token, never chat text. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard output; anything that could be a secret is blacked out even where someone logs it by mistake. */
export function createLogger(level: LogLevel): Logger {
  return pino({
    level,
    base: null,
    redact: {
      paths: [
        'token',
        'password',
        'secret',
        'authorization',
        '*.token',
        '*.password',
        '*.secret',
        '*.authorization',
        '*.headers',
      ],
      censor: '[redacted]',
    },
  });
}

/**
 * Says a thing once and then counts it: the first time at once, after that one line a minute with how often it came.
 * A client that sends a million bad packets is one line, not a million.
 */
export function createSayOnce(
  logger: Logger,
  clock: { monotonicMs(): number },
): (kind: string, facts: object, message: string) => void {
  const said = new Map<string, { atMs: number; count: number }>();
  const kindsMax = 1_000;
  const againMs = 60_000;
  return (kind, facts, message) => {
    const nowMs = clock.monotonicMs();
    const last = said.get(kind);
    if (last !== undefined && nowMs - last.atMs < againMs) {
      last.count++;
      return;
    }
    if (said.size >= kindsMax) said.clear();
    said.set(kind, { atMs: nowMs, count: 0 });
    logger.warn(last === undefined || last.count === 0 ? facts : { ...facts, alsoSince: last.count }, message);
  };
}
