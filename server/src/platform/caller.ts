import type { Role } from '@elevens/shared/src/contract.ts';

/** Who calls, as the token says. Nobody: no token, which only commands for anyone accept. */
export interface Person {
  shopperId: string;
  displayName: string;
  locale: 'en' | 'zh' | 'nl' | 'vi';
  roles: readonly Role[];
  brandId: string | null;
  /** One of the demo's own crowd: goes through the public wire, stays out of every figure about people. */
  simulated: boolean;
}

export interface Caller {
  person: Person | null;
  /** When the call arrived, in festival time: the stamp that decides what the clock decides. */
  arrivedAtMs: number;
  /** Finds this call in logs and traces. */
  traceId: string;
}

/** A caller whose command is declared for people with a role, as the gateway has checked. */
export interface KnownCaller extends Caller {
  person: Person;
}
