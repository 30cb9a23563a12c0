import type { identity as identityContract, Session } from '@elevens/shared/src/identity/contract.ts';
import type { Person } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Passwords } from '../../platform/identity/passwords.ts';
import { type Tokens, tokenLifeMaxMs } from '../../platform/identity/tokens.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { type Authenticated, createDecisions, type DemoLink, staffNameProblem } from './identity.ts';
import { createRevocations } from './revocations.ts';
import { createIdentityStore, type Staff } from './store.ts';

export type { Authenticated, DemoLink, Staff };

/** Who is who: guests without being asked anything, staff by password or by a link of the demo, and who no longer is. */
export interface Identity {
  handlers: HandlersOf<typeof identityContract>;
  /** Reads who was signed out and follows it. Nobody may be let in before it has settled. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Who bears this token. Asks no other machine. Never throws. The person it gives must be handed on as it is, because
   * it is known by it when its token was issued.
   */
  authenticate(token: string): Promise<Authenticated>;
  /** Called with each person who is signed out, on every node, within about a second: close that person's connections. */
  onRevoked(listener: (personId: string) => void): void;
  /** Makes the demo's operator and one account for each brand, and a link for each. Nothing outside demo mode. */
  createDemoLinks(brands: readonly { id: string; name: string }[]): Promise<DemoLink[]>;
  /** A guest of the demo's own crowd, marked as such in its token. */
  crowdSession(wishes: { displayName?: string; locale?: Person['locale'] }): Promise<Session>;
}

export function createIdentity({
  redis,
  subscriber,
  keys,
  clock,
  random,
  logger,
  tokens,
  passwords,
  demo,
}: {
  redis: Redis;
  /** Hears the bell of the people's office. */
  subscriber: Redis;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  tokens: Tokens;
  passwords: Passwords;
  demo: boolean;
}): Identity {
  const store = createIdentityStore({
    redis,
    keys,
    tokenLifeMaxMs,
  });
  const revocations = createRevocations({ store, subscriber, bell: keys.people.bell, logger });
  const decisions = createDecisions({
    store,
    tokens,
    passwords,
    revocations,
    clock,
    random,
    demo,
  });
  return {
    ...decisions,
    start: () => revocations.start(),
    stop: () => revocations.stop(),
    onRevoked: (listener) => revocations.onRevoked(listener),
  };
}

/** Making and removing staff accounts: for the command line, not for the wire. */
export interface StaffOffice {
  /** Keeps an account. Throws a RangeError in words for a name that cannot be had. Earlier tokens of that name end. */
  save(staff: Omit<Staff, 'demo'>, password: string): Promise<void>;
  /** Removes an account and ends its tokens; false if there is none of that name. */
  remove(name: string): Promise<boolean>;
}

export function createStaffOffice({
  redis,
  keys,
  clock,
  passwords,
}: {
  redis: Redis;
  keys: Keyspace;
  clock: Clock;
  passwords: Passwords;
}): StaffOffice {
  const store = createIdentityStore({ redis, keys, tokenLifeMaxMs });
  return {
    async save(staff, password) {
      const problem = staffNameProblem(staff.name);
      if (problem !== null) throw new RangeError(problem);
      await store.saveStaff({ ...staff, demo: false }, await passwords.hash(password), clock.nowMs());
    },
    remove: (name) => store.removeStaff(name, clock.nowMs()),
  };
}
