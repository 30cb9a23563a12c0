import type { Role } from '@elevens/shared/src/contract.ts';
import type { Person } from '../../platform/caller.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript, faultOf } from '../../platform/redis/scripts.ts';

/** What is kept of one of the staff, without the password. */
export interface Staff {
  /** Signs in by it; `u_` before it is the person's id. */
  name: string;
  displayName: string;
  locale: Person['locale'];
  roles: readonly Role[];
  brandId: string | null;
  /** Made for the demo's links: has no password and counts only while the demo is on. */
  demo: boolean;
}

export interface Profile {
  displayName: string;
  locale: Person['locale'];
}

/** After so many wrong passwords a name is locked ... */
const attemptsMax = 5;
/** ... for this long, which leaves a guesser 20 tries an hour. */
const lockMs = 15 * 60_000;
/** A guest's choice must outlive the tokens that were made before it; after that the tokens carry it. */
const guestProfileMs = 24 * 3_600_000;

/** The people's office in Redis: staff, profiles, sign-in attempts and revocations, all under one tag. */
export function createIdentityStore({
  redis,
  keys,
  tokenLifeMaxMs,
}: {
  redis: Redis;
  keys: Keyspace;
  tokenLifeMaxMs: number;
}) {
  const people = keys.people;
  const script = (file: string) => defineScript(new URL(file, import.meta.url));
  const revokeScript = script('./revoke.lua');
  const saveProfile = script('./save-profile.lua');
  const saveStaff = script('./save-staff.lua');
  const countAttempt = script('./count-attempt.lua');
  const uncountAttempt = script('./uncount-attempt.lua');

  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw faultOf(error);
    }
  }

  const nameOf = (personId: string) => personId.slice('u_'.length);
  const answersOf = (personId: string) => [people.answers(personId), people.answersOrder(personId)];

  async function putStaff(staff: Staff, passwordHash: string, nowMs: number): Promise<string> {
    const personId = `u_${staff.name}`;
    const record = JSON.stringify({ atMs: nowMs, role: 'shopper', by: 'staff', reason: 'The account was changed.' });
    const answer = await saveStaff.run(
      redis,
      [people.staff(staff.name), people.revoked, people.signInFailures(staff.name), people.bell],
      [
        personId,
        nowMs,
        record,
        staff.displayName,
        staff.locale,
        staff.roles.join(' '),
        staff.brandId ?? '',
        passwordHash,
        staff.demo ? '1' : '',
      ],
    );
    return String(answer);
  }

  return {
    async staff(name: string): Promise<(Staff & { passwordHash: string | null }) | null> {
      const kept = await asked(redis.hgetall(people.staff(name)));
      if (kept['displayName'] === undefined) return null;
      return {
        name,
        displayName: kept['displayName'],
        locale: kept['locale'] as Person['locale'],
        roles: (kept['roles'] ?? '').split(' ').filter((role) => role !== '') as Role[],
        brandId: kept['brand'] === '' ? null : (kept['brand'] ?? null),
        demo: kept['demo'] === '1',
        passwordHash: kept['password'] === '' ? null : (kept['password'] ?? null),
      };
    },

    async saveStaff(staff: Staff, passwordHash: string | null, nowMs: number): Promise<void> {
      await putStaff(staff, passwordHash ?? '', nowMs);
    },

    /** Removes one of the staff and ends that person's tokens; false if there was nobody of that name. */
    async removeStaff(name: string, nowMs: number): Promise<boolean> {
      const nobody: Staff = { name, displayName: '', locale: 'en', roles: [], brandId: null, demo: false };
      return (await putStaff(nobody, '', nowMs)) === 'removed';
    },

    /** Counts an attempt to sign in. Answers until when the name is locked, or null if the attempt may go on. */
    async countAttempt(name: string, nowMs: number): Promise<number | null> {
      const key = people.signInFailures(name);
      const untilMs = Number(await countAttempt.run(redis, [key], [nowMs, attemptsMax, lockMs]));
      return untilMs === 0 ? null : untilMs;
    },
    async uncountAttempt(name: string): Promise<void> {
      await uncountAttempt.run(redis, [people.signInFailures(name)], []);
    },
    async forgetAttempts(name: string): Promise<void> {
      await asked(redis.del(people.signInFailures(name)));
    },

    async profile(personId: string): Promise<Profile | null> {
      const [displayName, locale] = await asked(redis.hmget(people.profile(personId), 'displayName', 'locale'));
      return typeof displayName === 'string' ? { displayName, locale: locale as Person['locale'] } : null;
    },

    /** Keeps a profile; answers when it was first decided. Throws `unauthenticated` for a person who was signed out. */
    async saveProfile(
      person: { personId: string; issuedAtMs: number },
      profile: Profile,
      answer: AnswerKey,
      nowMs: number,
    ): Promise<{ ok: true; reply: { atMs: number } } | { ok: false; why: 'request-id-reused' }> {
      const { personId, issuedAtMs } = person;
      const outcome = await saveProfile.run(
        redis,
        [people.profile(personId), people.revoked, ...answersOf(personId)],
        [
          answer.requestId,
          answer.command,
          answer.inputHash,
          nowMs,
          personId,
          issuedAtMs,
          profile.displayName,
          profile.locale,
          personId.startsWith('u_') ? 0 : guestProfileMs,
        ],
      );
      if (outcome === 'revoked') throw new Fault('unauthenticated');
      return JSON.parse(String(outcome));
    },

    async revoke(
      revocation: { personId: string; role: Role; reason: string; by: string },
      answer: AnswerKey,
      nowMs: number,
    ): Promise<{ ok: true; reply: { revokedAtMs: number } } | { ok: false; why: 'request-id-reused' }> {
      const { personId, role, reason, by } = revocation;
      const outcome = await revokeScript.run(
        redis,
        [people.revoked, people.staff(nameOf(personId)), ...answersOf(by), people.bell],
        [
          answer.requestId,
          answer.command,
          answer.inputHash,
          nowMs,
          personId,
          role,
          JSON.stringify({ atMs: nowMs, role, by, reason }),
          // An hour more than the longest life, for clocks and for those who stopped the machine meanwhile.
          nowMs - tokenLifeMaxMs - 3_600_000,
        ],
      );
      if (outcome === 'full') throw new Fault('overloaded', { retryAfterMs: 60_000 });
      return JSON.parse(String(outcome));
    },

    /** Until when this person's tokens were ended; null if they never were. */
    async revokedAtMs(personId: string): Promise<number | null> {
      const kept = await asked(redis.hget(people.revoked, personId));
      return kept === null ? null : (JSON.parse(kept) as { atMs: number }).atMs;
    },

    /** Grows with every revocation. */
    async revocationsVersion(): Promise<string> {
      return (await asked(redis.hget(people.revoked, '#'))) ?? '0';
    },

    /** Everybody whose tokens were ended, and until when. */
    async revocations(): Promise<{ version: string; people: Map<string, number> }> {
      const { '#': version = '0', ...all } = await asked(redis.hgetall(people.revoked));
      const ended = new Map<string, number>();
      for (const [personId, record] of Object.entries(all))
        ended.set(personId, (JSON.parse(record) as { atMs: number }).atMs);
      return { version, people: ended };
    },
  };
}

export type IdentityStore = ReturnType<typeof createIdentityStore>;
