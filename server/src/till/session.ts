/** The till's own books: what a session is, and every rule about it. Pure but for the session that is handed in. */

export const locales = ['en', 'zh', 'nl', 'vi'] as const;
export type Locale = (typeof locales)[number];

/** The test cards, each for one way in which a payment can go. Order as on the page. */
export const cards = {
  '4242': 'at-once',
  '0002': 'declined',
  '2020': 'slow',
  '1111': 'late',
  '2222': 'twice',
  '3210': 'out-of-order',
  '0404': 'never-told',
} as const;
export type CardNumber = keyof typeof cards;

export type SessionStatus = 'open' | 'processing' | 'succeeded' | 'expired';

export interface Refund {
  id: string;
  reference: string;
  amountMinor: number;
  reason: string;
  status: 'pending' | 'succeeded';
  /** When the bank confirms it. */
  confirmsAtMs: number;
}

export type NoticeType = 'payment.succeeded' | 'payment.failed' | 'payment.expired' | 'refund.succeeded';

/** A webhook that is to be delivered. */
export interface Notice {
  id: string;
  type: NoticeType;
  atMs: number;
  refundReference: string | null;
  attempts: number;
  nextAtMs: number;
  /** It waits until this one is out of the way. */
  after: string | null;
  /** How often it is sent at once: the sandbox can be told to stutter. */
  copies: 1 | 2;
}

export interface Session {
  id: string;
  reference: string;
  amountMinor: number;
  currency: string;
  description: string;
  lines: { label: string; text: string }[];
  returnUrl: string;
  locale: Locale | null;
  createdAtMs: number;
  expiresAtMs: number;
  idempotencyKey: string;
  /** Of the request that opened it: another request under the same key is refused. */
  inputHash: string;
  status: SessionStatus;
  /** The card pressed last. */
  card: CardNumber | null;
  pressedAtMs: number;
  /** When the bank answers, while it is processing. */
  answersAtMs: number;
  /** How often the bank said no, and when it did last. */
  declines: number;
  declinedAtMs: number;
  endedAtMs: number;
  refunds: Refund[];
  notices: Notice[];
}

export interface Delays {
  /** How long the slow card takes. */
  slowMs: number;
  /** How long after the end of its session the late card pays. */
  lateMs: number;
  /** How long a refund is under way. */
  refundMs: number;
}

/** Cards that the bank may refuse in one session; after that the page asks to go back. */
export const declinesMax = 20;
/** Refunds of one session. */
const refundsMax = 200;

export interface Moment {
  nowMs: number;
  /** Makes an id that nobody can guess. */
  newId: (prefix: string) => string;
}

function tell(
  session: Session,
  { nowMs, newId }: Moment,
  notice: Pick<Notice, 'type'> & Partial<Pick<Notice, 'atMs' | 'refundReference' | 'after' | 'copies'>>,
): string | null {
  if (session.card !== null && cards[session.card] === 'never-told') return null;
  const id = newId('ev_');
  session.notices.push({
    id,
    atMs: nowMs,
    refundReference: null,
    after: null,
    copies: 1,
    ...notice,
    attempts: 0,
    nextAtMs: nowMs,
  });
  return id;
}

function succeed(session: Session, moment: Moment): void {
  const outcome = session.card === null ? null : cards[session.card];
  session.status = 'succeeded';
  session.endedAtMs = moment.nowMs;
  const told = tell(session, moment, { type: 'payment.succeeded', copies: outcome === 'twice' ? 2 : 1 });
  // It happened before the success and arrives after it, as a real provider's retries do.
  if (outcome === 'out-of-order')
    tell(session, moment, { type: 'payment.failed', atMs: session.pressedAtMs - 1, after: told });
}

/** The shopper pressed Pay with a card. A second press, or one that comes too late, changes nothing. */
export function press(session: Session, card: CardNumber, delays: Delays, moment: Moment): void {
  if (session.status !== 'open' || session.declines >= declinesMax) return;
  session.card = card;
  session.pressedAtMs = moment.nowMs;
  switch (cards[card]) {
    case 'declined':
      session.declines++;
      session.declinedAtMs = moment.nowMs;
      tell(session, moment, { type: 'payment.failed' });
      return;
    case 'slow':
      session.status = 'processing';
      session.answersAtMs = moment.nowMs + delays.slowMs;
      return;
    case 'late':
      session.status = 'processing';
      session.answersAtMs = Math.max(moment.nowMs, session.expiresAtMs) + delays.lateMs;
      return;
    case 'at-once':
    case 'twice':
    case 'out-of-order':
    case 'never-told':
      succeed(session, moment);
  }
}

/** Shuts an open session for good; false when it is not open, because then the money may be on its way. */
export function shut(session: Session, moment: Moment): boolean {
  if (session.status === 'expired') return true;
  if (session.status !== 'open') return false;
  session.status = 'expired';
  session.endedAtMs = moment.nowMs;
  // A card that was refused on the way says nothing about how the end is told.
  session.card = null;
  tell(session, moment, { type: 'payment.expired' });
  return true;
}

export function refundedMinor(session: Session): number {
  return session.refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

export type RefundVerdict =
  | { ok: true; refund: Refund; again: boolean }
  | {
      ok: false;
      code:
        | 'session-not-paid'
        | 'currency-differs'
        | 'refund-exceeds-payment'
        | 'idempotency-key-reused'
        | 'too-many-refunds';
    };

/** Sends money back, once for each reference. */
export function refund(
  session: Session,
  asked: { reference: string; amountMinor: number; currency: string; reason: string },
  delays: Delays,
  { nowMs, newId }: Moment,
): RefundVerdict {
  const known = session.refunds.find(({ reference }) => reference === asked.reference);
  if (known !== undefined) {
    return known.amountMinor === asked.amountMinor
      ? { ok: true, refund: known, again: true }
      : { ok: false, code: 'idempotency-key-reused' };
  }
  if (session.status !== 'succeeded') return { ok: false, code: 'session-not-paid' };
  if (session.currency !== asked.currency) return { ok: false, code: 'currency-differs' };
  if (session.refunds.length >= refundsMax) return { ok: false, code: 'too-many-refunds' };
  if (refundedMinor(session) + asked.amountMinor > session.amountMinor)
    return { ok: false, code: 'refund-exceeds-payment' };
  const { reference, amountMinor, reason } = asked;
  const made: Refund = {
    id: newId('re_'),
    reference,
    amountMinor,
    reason,
    status: 'pending',
    confirmsAtMs: nowMs + delays.refundMs,
  };
  session.refunds.push(made);
  return { ok: true, refund: made, again: false };
}

/** Lets happen what the time has brought. Answers whether anything did. */
export function pass(session: Session, moment: Moment): boolean {
  const { nowMs } = moment;
  let changed = false;
  if (session.status === 'processing' && session.answersAtMs <= nowMs) {
    succeed(session, moment);
    changed = true;
  }
  if (session.status === 'open' && session.expiresAtMs <= nowMs) {
    shut(session, moment);
    changed = true;
  }
  for (const one of session.refunds) {
    if (one.status !== 'pending' || one.confirmsAtMs > nowMs) continue;
    one.status = 'succeeded';
    tell(session, moment, { type: 'refund.succeeded', refundReference: one.reference });
    changed = true;
  }
  return changed;
}

/** Whether time alone can bring nothing more to it. */
export function isQuiet(session: Session): boolean {
  return (
    (session.status === 'succeeded' || session.status === 'expired') &&
    session.notices.length === 0 &&
    session.refunds.every(({ status }) => status === 'succeeded')
  );
}
