/**
 * Every way a call can fail that is no decision of the festival. `retry` says whether sending the same call again can
 * help; a fault that may be retried carries the wait in milliseconds.
 */
export const faults = {
  'bad-input': {
    http: 400,
    retry: false,
    meaning: 'The input does not fit the schema; problems names each wrong field.',
  },
  unauthenticated: {
    http: 401,
    retry: false,
    meaning: 'The token is missing, expired, revoked or not ours. Ask for a new one.',
  },
  forbidden: {
    http: 403,
    retry: false,
    meaning: 'The caller lacks the role that this call needs, or the origin is not allowed.',
  },
  'not-found': { http: 404, retry: false, meaning: 'No such command or feed.' },
  'too-large': { http: 413, retry: false, meaning: 'The message is larger than any command needs.' },
  'rate-limited': { http: 429, retry: true, meaning: 'The caller spent its budget; it refills by itself.' },
  overloaded: {
    http: 503,
    retry: true,
    meaning: 'A bounded queue is full or a call waited too long in it. Nothing was done.',
  },
  unavailable: {
    http: 503,
    retry: true,
    meaning:
      'Redis cannot be reached, too few of its replicas confirm, or the node is draining. This call did nothing.',
  },
  unknown: {
    http: 503,
    retry: true,
    meaning: 'The answer was lost on the way. Send the same requestId again to learn it.',
  },
  pending: {
    http: 503,
    retry: true,
    meaning:
      'It was decided, but not yet confirmed by as many replicas as are promised. Send the same requestId again to learn how it ended.',
  },
  bug: { http: 500, retry: false, meaning: 'An invariant broke. errorId finds it in the log; only this call failed.' },
} as const satisfies Record<string, { http: number; retry: boolean; meaning: string }>;

export type FaultCode = keyof typeof faults;

/** One wrong field of an input, by its path (`lines.0.quantity`; the whole input is the empty path). */
export interface Problem {
  path: string;
  message: string;
}

export interface FaultAnswer {
  ok: false;
  fault: FaultCode;
  /** How long to wait before the same call is worth sending again; null when that cannot help. */
  retryAfterMs: number | null;
  problems?: Problem[];
  errorId?: string;
}

/** Why a server ends a connection. Sent as `system:bye { code, message, retryAfterMs }` where the socket can still be written. */
export const disconnects = {
  draining: { reconnect: true, meaning: 'This node is going away. Come back after retryAfterMs, spread out.' },
  'slow-reader': { reconnect: true, meaning: 'The client did not read what it was owed.' },
  'bad-packet': {
    reconnect: false,
    meaning: 'A packet that Elevens never uses: binary, a foreign namespace, an endless ack id.',
  },
  'too-many-bad-calls': { reconnect: false, meaning: 'The client kept sending what the contract refuses.' },
  revoked: {
    reconnect: false,
    meaning: 'A role of this person was revoked, or the person was signed out. Sign in again.',
  },
  expired: { reconnect: true, meaning: 'The token ran out. Renew it, then reconnect.' },
} as const satisfies Record<string, { reconnect: boolean; meaning: string }>;

export type DisconnectCode = keyof typeof disconnects;

export interface Bye {
  code: DisconnectCode;
  message: string;
  retryAfterMs: number | null;
}
