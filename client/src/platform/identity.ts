import type { Role } from '@elevens/shared/src/contract.ts';
import type { FaultAnswer } from '@elevens/shared/src/faults.ts';
import type { Session } from '@elevens/shared/src/identity/contract.ts';
import { spreadOut, waitMs } from './chance.ts';
import { post } from './http.ts';
import { preferredLanguage } from './i18n.ts';

/**
 * Who this browser is. A shopper becomes a guest on the first visit, without being asked anything; staff sign in. The
 * session is kept in localStorage and shared by all tabs of a surface; where storage is refused it lives as long as the page.
 */

export type Surface = 'storefront' | 'control-room';

export interface Identity {
  current(): Session | null;
  /** The session, made if there is none and the surface makes guests; null where someone has to sign in first. */
  session(): Promise<Session | null>;
  /** Trades the token for a fresh one; if it is refused, a guest surface starts a new guest. */
  renew(): Promise<Session | null>;
  /** One-click sign-in by a link of the demo. */
  useLink(link: string): Promise<'ok' | 'unknown-link' | FaultAnswer>;
  signIn(name: string, password: string): Promise<'ok' | 'wrong-credentials' | { lockedUntilMs: number } | FaultAnswer>;
  /** Takes over a session that another call answered with (a changed profile). */
  adopt(session: Session): void;
  /** Forgets the session: the next one is a new guest, or nobody. */
  forget(): void;
  /** Calls back when the person or the token changed, also when another tab changed it. */
  subscribe(onChange: () => void): () => void;
}

interface IdentityNeeds {
  surface: Surface;
  /** Whether nobody means a new guest (storefront) or a sign-in page (consoles). */
  guests: boolean;
  /** A session without any of these roles does not count on this surface. */
  roles: readonly Role[];
  nowMs: () => number;
}

/** Renewed this long before it ends, so that an hour offline does not cost the session. */
const renewAheadMs = 3_600_000;
/** Timers beyond this overflow in browsers; a longer wait is cut into pieces. */
const timerMaxMs = 2_000_000_000;
/** The pause between attempts to become a guest grows to this; a phone in a tunnel is asked twice a minute at most. */
const attemptPauseMaxMs = 20_000;

export function createIdentity({ surface, guests, roles, nowMs }: IdentityNeeds): Identity {
  const key = `elevens.session.${surface}`;
  const listeners = new Set<() => void>();
  let session: Session | null = fromStorage();
  let making: Promise<Session | null> | null = null;
  let renewTimer: ReturnType<typeof setTimeout> | null = null;

  function fromStorage(): Session | null {
    try {
      const text = localStorage.getItem(key);
      if (text === null) return null;
      const kept = JSON.parse(text) as Session;
      const usable = typeof kept.token === 'string' && kept.expiresAtMs > nowMs() && fits(kept);
      return usable ? kept : null;
    } catch {
      return null;
    }
  }

  function fits(candidate: Session): boolean {
    return roles.length === 0 || candidate.roles.some((role) => roles.includes(role));
  }

  function keep(next: Session | null): void {
    session = next;
    try {
      if (next === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // Storage is refused (private mode, full): the session lasts as long as this page.
    }
    plan();
    for (const listener of listeners) listener();
  }

  function plan(): void {
    if (renewTimer !== null) clearTimeout(renewTimer);
    renewTimer = null;
    if (session === null) return;
    // A short-lived token is renewed at two thirds of its life rather than an hour before it was made.
    const leftMs = session.expiresAtMs - nowMs();
    const inMs = Math.max(leftMs - renewAheadMs, (leftMs * 2) / 3);
    renewTimer = setTimeout(
      () => void (inMs > timerMaxMs ? plan() : renew()),
      Math.max(1_000, Math.min(inMs, timerMaxMs)),
    );
  }

  /** One tab at a time makes the guest; the others find it in storage. Without locks (plain http) the last writer wins. */
  function alone<T>(act: () => Promise<T>): Promise<T> {
    const { locks } = navigator as { locks?: LockManager };
    return locks === undefined ? act() : locks.request(`${key}.making`, act);
  }

  async function becomeGuest(): Promise<Session | null> {
    return await alone(async () => {
      const others = fromStorage();
      if (others !== null) {
        keep(others);
        return others;
      }
      for (let pauseMs = 1_000; ; pauseMs = Math.min(pauseMs * 2, attemptPauseMaxMs)) {
        const outcome = await post('identity:guest', { locale: preferredLanguage() });
        if (outcome.ok) {
          const madeMeanwhile = fromStorage();
          keep(madeMeanwhile ?? outcome.reply);
          return session;
        }
        if ('fault' in outcome && outcome.retryAfterMs === null) return null;
        await waitMs(spreadOut(Math.max(pauseMs, 'fault' in outcome ? (outcome.retryAfterMs ?? 0) : 0)));
      }
    });
  }

  function ensure(): Promise<Session | null> {
    if (session !== null || !guests) return Promise.resolve(session);
    making ??= becomeGuest().finally(() => {
      making = null;
    });
    return making;
  }

  async function renew(): Promise<Session | null> {
    if (session === null) return ensure();
    const outcome = await post('identity:renew', {}, session.token);
    if (outcome.ok) keep(outcome.reply);
    else if ('fault' in outcome && outcome.fault === 'unauthenticated') {
      keep(null);
      return ensure();
    } else plan();
    return session;
  }

  window.addEventListener('storage', (event) => {
    if (event.key !== key) return;
    const others = fromStorage();
    if (others?.token === session?.token) return;
    session = others;
    plan();
    for (const listener of listeners) listener();
  });
  plan();

  return {
    current: () => session,
    session: ensure,
    renew,
    async useLink(link) {
      const outcome = await post('identity:use-link', { link });
      if (outcome.ok) {
        keep(outcome.reply);
        return 'ok';
      }
      return 'why' in outcome ? 'unknown-link' : outcome;
    },
    async signIn(name, password) {
      const outcome = await post('identity:sign-in', { name, password });
      if (outcome.ok) {
        keep(outcome.reply);
        return 'ok';
      }
      if ('fault' in outcome) return outcome;
      return outcome.why === 'locked' ? { lockedUntilMs: outcome.untilMs } : 'wrong-credentials';
    },
    adopt: keep,
    forget: () => keep(null),
    subscribe(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
  };
}

/** The code of a one-click link (`#link=...`), taken out of the address so that it is neither shared nor kept in the history. */
export function takeLink(): string | null {
  const code = /^#link=([\w-]{20,80})$/.exec(location.hash)?.[1];
  if (code === undefined) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return code;
}
