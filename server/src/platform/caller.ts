import type { Role } from '@elevens/shared/src/contract.ts';
import type { Socket } from 'socket.io';
import { Fault } from './fault.ts';

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
  /** The connection it came over; null for HTTP. Only feeds look at it: what they answer goes on arriving there. */
  socket: Socket | null;
}

/** The person who calls. Throws the fault `unauthenticated` when nobody in particular does. */
export function personOf(caller: Caller): Person {
  if (caller.person === null) throw new Fault('unauthenticated');
  return caller.person;
}
