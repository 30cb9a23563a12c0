import type { Role } from '@elevens/shared/src/contract.ts';
import type { identity as identityContract, Session } from '@elevens/shared/src/identity/contract.ts';
import type { Person } from '../../platform/caller.ts';
import { personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { HandlersOf } from '../../platform/gateway.ts';
import type { Passwords } from '../../platform/identity/passwords.ts';
import type { Tokens } from '../../platform/identity/tokens.ts';
import type { Random } from '../../platform/random.ts';
import { hashOf } from '../../platform/redis/keyspace.ts';
import { chosenName } from './names.ts';
import type { Revocations } from './revocations.ts';
import type { IdentityStore } from './store.ts';

/** Signs one of the staff in by being opened, as often as one likes, while the server that made it runs. */
export interface DemoLink {
  /** Goes behind `#link=` in the address of the surface. */
  code: string;
  role: 'operator' | 'brand';
  brandId: string | null;
  displayName: string;
}

export type Authenticated =
  | { ok: true; person: Person; expiresAtMs: number }
  | { ok: false; reason: 'expired' | 'invalid' | 'revoked' };

/** Staff names are ids: what people type is folded to this, and anything else is nobody's name. */
const STAFF_NAME = /^[a-z0-9-]{1,40}$/;
/** 128 random bits in 22 characters: nobody meets another's id by chance or by trying. */
const guestIdBytes = 16;
/** 192 random bits: a link is a password that nobody types. */
const linkBytes = 24;
/** Names of the demo's own staff begin so, and nobody else's may: making the demo's must not overwrite a person's account. */
const demoPrefix = 'demo-';

export function createDecisions({
  store,
  tokens,
  passwords,
  revocations,
  clock,
  random,
  demo,
}: {
  store: IdentityStore;
  tokens: Tokens;
  passwords: Passwords;
  revocations: Revocations;
  clock: Clock;
  random: Random;
  demo: boolean;
}) {
  /** When the token was issued that a person came with. Someone who is not in here is treated as having come with the oldest. */
  const issuedAtMs = new WeakMap<Person, number>();
  const links = new Map<string, string>();

  async function sessionOf(person: Person, atMs: number): Promise<Session> {
    const { token, expiresAtMs } = await tokens.sign(person, atMs);
    const { shopperId, displayName, locale, roles, brandId } = person;
    return { token, shopperId, displayName, locale, roles: [...roles], brandId, expiresAtMs };
  }

  function newGuest(wishes: { displayName?: string; locale?: Person['locale'] }, simulated: boolean): Promise<Session> {
    const person: Person = {
      shopperId: `s_${random.token(guestIdBytes)}`,
      displayName: wishes.displayName ?? chosenName(random),
      locale: wishes.locale ?? 'en',
      roles: ['shopper'],
      brandId: null,
      simulated,
    };
    return sessionOf(person, clock.nowMs());
  }

  /** One of the staff as they are now: their record, under the name and in the language they chose. */
  async function staffPerson(name: string): Promise<Person | null> {
    const record = await store.staff(name);
    if (record === null || (record.demo && !demo)) return null;
    const personId = `u_${name}`;
    const chosen = (await store.profile(personId)) ?? record;
    return {
      shopperId: personId,
      displayName: chosen.displayName,
      locale: chosen.locale,
      roles: record.roles,
      brandId: record.brandId,
      simulated: false,
    };
  }

  /** Who a person is now, as a fresh token will say. */
  async function renewed(person: Person): Promise<Person> {
    if (person.shopperId.startsWith('u_')) {
      const staff = await staffPerson(person.shopperId.slice('u_'.length));
      if (staff === null) throw new Fault('unauthenticated');
      return staff;
    }
    return { ...person, ...(await store.profile(person.shopperId)) };
  }

  const handlers: HandlersOf<typeof identityContract> = {
    async guest(_caller, input) {
      return { ok: true, reply: await newGuest(input, false) };
    },

    async renew(caller) {
      const person = personOf(caller);
      // Asked of Redis and not of this node's copy, which may be a second old: a fresh token would outlive that second.
      const endedAtMs = await store.revokedAtMs(person.shopperId);
      if (endedAtMs !== null && endedAtMs >= (issuedAtMs.get(person) ?? 0)) throw new Fault('unauthenticated');
      return { ok: true, reply: await sessionOf(await renewed(person), clock.nowMs()) };
    },

    async 'sign-in'(caller, input) {
      const name = input.name.trim().toLowerCase();
      if (!STAFF_NAME.test(name)) {
        await passwords.matches(input.password, null);
        return { ok: false, why: 'wrong-credentials' };
      }
      const untilMs = await store.countAttempt(name, caller.arrivedAtMs);
      if (untilMs !== null) return { ok: false, why: 'locked', untilMs };
      let right: boolean;
      try {
        const record = await store.staff(name);
        right = await passwords.matches(input.password, record?.passwordHash ?? null);
      } catch (error) {
        // The password was never looked at, so it must not count against the name.
        await store.uncountAttempt(name);
        throw error;
      }
      const person = right ? await staffPerson(name) : null;
      if (person === null) return { ok: false, why: 'wrong-credentials' };
      await store.forgetAttempts(name);
      return { ok: true, reply: await sessionOf(person, clock.nowMs()) };
    },

    async 'use-link'(_caller, input) {
      const name = links.get(input.link);
      const person = name === undefined ? null : await staffPerson(name);
      if (person === null) return { ok: false, why: 'unknown-link' };
      return { ok: true, reply: await sessionOf(person, clock.nowMs()) };
    },

    async profile(caller, input, answer) {
      const person = personOf(caller);
      const { displayName, locale } = input;
      const kept = await store.saveProfile(
        { personId: person.shopperId, issuedAtMs: issuedAtMs.get(person) ?? 0 },
        { displayName, locale },
        answer,
        clock.nowMs(),
      );
      if (!kept.ok) return kept;
      // Signed as of the first decision: a repeat gets the same text, and no token is kept in Redis.
      return { ok: true, reply: await sessionOf({ ...person, displayName, locale }, kept.reply.atMs) };
    },

    async revoke(caller, input, answer) {
      const { shopperId: by } = personOf(caller);
      if (input.personId === by) return { ok: false, why: 'not-yourself' };
      const { personId, role, reason } = input;
      return store.revoke({ personId, role, reason, by }, answer, clock.nowMs());
    },
  };

  return {
    handlers,

    async authenticate(token: string): Promise<Authenticated> {
      const verified = await tokens.verify(token);
      if (!verified.ok) return verified;
      const { person, expiresAtMs } = verified;
      if (revocations.ended(person.shopperId, verified.issuedAtMs)) return { ok: false, reason: 'revoked' };
      issuedAtMs.set(person, verified.issuedAtMs);
      return { ok: true, person, expiresAtMs };
    },

    crowdSession: (wishes: { displayName?: string; locale?: Person['locale'] }) => newGuest(wishes, true),

    async createDemoLinks(brands: readonly { id: string; name: string }[]): Promise<DemoLink[]> {
      if (!demo) return [];
      const made: DemoLink[] = [];
      const make = async (name: string, displayName: string, role: DemoLink['role'], brandId: string | null) => {
        const roles: Role[] = ['shopper', role];
        await store.saveStaff({ name, displayName, locale: 'en', roles, brandId, demo: true }, null, clock.nowMs());
        const code = random.token(linkBytes);
        links.set(code, name);
        made.push({ code, role, brandId, displayName });
      };
      await make(`${demoPrefix}operator`, 'Operator', 'operator', null);
      for (const { id, name } of brands) {
        // oxlint-disable-next-line no-await-in-loop -- a handful, once, at the start
        await make(demoNameOf(id), name.slice(0, 24).trim(), 'brand', id);
      }
      return made;
    },
  };
}

/** A brand's id may be longer than a staff name has room for; the hash keeps two long ones apart. */
function demoNameOf(brandId: string): string {
  const name = demoPrefix + brandId;
  return STAFF_NAME.test(name) ? name : `${name.slice(0, 32)}-${hashOf(brandId).toString(36)}`;
}

/** What is wrong with a staff name, worded; null if nothing is. */
export function staffNameProblem(name: string): string | null {
  if (!STAFF_NAME.test(name)) return 'a name has 1 to 40 of a-z 0-9 -';
  return name.startsWith(demoPrefix) ? `names that begin with "${demoPrefix}" are the demo's own` : null;
}
