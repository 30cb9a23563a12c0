import type { catalogue as contract } from '@elevens/shared/src/catalogue/contract.ts';
import {
  type AnyRecord,
  brandOf,
  danglingOf,
  type Festival,
  type FestivalHead,
  foreignProductsOf,
  isRecordKind,
  type Lookup,
  overlappingPhases,
  problemsInTime,
  problemsOf,
  type RecordKind,
  type RecordOf,
  recordKinds,
  recordSchemas,
  recordsPerKindMax,
  referencesOf,
} from '@elevens/shared/src/catalogue/festival.ts';
import type { DecisionOf, InputOf } from '@elevens/shared/src/contract.ts';
import { discountProblems, overlapProblem, overlappingDeals } from '@elevens/shared/src/deals/pricing/authoring.ts';
import type { Problem } from '@elevens/shared/src/faults.ts';
import { type Person, personOf } from '../../platform/caller.ts';
import type { Clock } from '../../platform/clock.ts';
import { Fault } from '../../platform/fault.ts';
import type { FeedRegistry } from '../../platform/feeds.ts';
import type { AnswerKey, HandlersOf } from '../../platform/gateway.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Random } from '../../platform/random.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { ObjectStore } from '../../platform/redis/object-store.ts';
import { type HeldRecords, planLoad } from './load-plan.ts';
import { createStore, type KeptRecord, type Meta, MOVED, type Write } from './store.ts';

/** Pub/sub promises nothing, so a node that heard nothing compares the version itself. */
const compareMs = 5_000;
/** Writes of one script call while a file is loaded: about 100 kB, a few milliseconds of Redis. */
const writesPerCallMax = 200;
/** Tries of a write while others write too. Authors are few; more than this means that something is wrong. */
const triesMax = 8;
/** Readings of a catalogue that moves under the reader before it is taken as it is; what moved on is read next. */
const readingsMax = 5;
/** How long answers can be asked for again. A save is worth as much tomorrow; a refusal is soon out of date. */
const successKeptMs = 86_400_000;
const refusalKeptMs = 600_000;
/** What viewers of the version are told, at most so often. */
const sampleMs = 250;

type Commands = (typeof contract)['commands'];
type SaveDecision = DecisionOf<Commands['save']>;
type RemoveDecision = DecisionOf<Commands['remove']>;

/** The file's festival cannot be played on what is kept; the message says why. */
export class FestivalRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FestivalRefused';
  }
}

/** The authored records of the festival, all of them in memory, followed from Redis. */
export interface Catalogue {
  /** Grows with every change of any record. */
  version(): number;
  /** Throws before `load` has succeeded once. */
  festival(): FestivalHead & {
    /** When the festival was first loaded: what relative times count from. */
    firstStartMs: number;
  };
  /** The records of a kind, by id. The same array until the catalogue changes. */
  all<K extends RecordKind>(kind: K): readonly RecordOf<K>[];
  get<K extends RecordKind>(kind: K, id: string): RecordOf<K> | undefined;
  /** Tells of every change, after it can be read here. */
  onChange(listener: () => void): void;
  /**
   * Loads a festival, or continues what is kept (null). Loading the same file again changes nothing; a changed file
   * changes what it says differently than last time and leaves what commands edited since. Then begins to follow.
   * Throws FestivalRefused where there is nothing to continue, or where the file changes what is fixed.
   */
  load(festival: Festival | null): Promise<void>;
  /** Looks whether the catalogue moved and reads what changed; for the start of a connection. */
  catchUp(): Promise<void>;
  handlers: HandlersOf<typeof contract>;
  stop(): void;
}

interface Snapshot {
  meta: Meta;
  held: HeldRecords;
  lists: ReadonlyMap<RecordKind, readonly AnyRecord[]>;
}

export function createCatalogue({
  redis,
  subscriber,
  objects,
  keys,
  clock,
  random,
  logger,
  feeds,
}: {
  redis: Redis;
  subscriber: Redis;
  objects: ObjectStore;
  keys: Keyspace;
  clock: Clock;
  random: Random;
  logger: Logger;
  feeds: Pick<FeedRegistry, 'state'>;
}): Catalogue {
  const store = createStore({ redis, objects, keys });
  const listeners: (() => void)[] = [];
  let now: Snapshot | null = null;
  let timer: NodeJS.Timeout | undefined;

  const lookup: Lookup = (kind, id) => now?.held.get(kind)?.get(id)?.record;

  // ---- following

  let reading: Promise<void> | null = null;
  let readingNext: Promise<void> | null = null;
  /** Whoever asks while a reading is under way waits for one that began after the question. */
  function catchUp(): Promise<void> {
    if (reading === null) {
      reading = read().finally(() => {
        reading = null;
      });
      return reading;
    }
    readingNext ??= reading
      .catch(() => {})
      .then(() => {
        readingNext = null;
        return catchUp();
      });
    return readingNext;
  }

  async function read(): Promise<void> {
    for (let i = 0; i < readingsMax; i++) {
      const meta = await store.meta();
      if (meta === null) return;
      if (now !== null && now.meta.epoch === meta.epoch && now.meta.version === meta.version) return;
      const changes =
        now !== null && now.meta.epoch === meta.epoch && now.meta.version < meta.version
          ? await store.changesAfter(now.meta.version)
          : null;
      const held = now === null || changes === null ? checked(await store.everything()) : await patched(now, changes);
      const settled = (await store.meta())?.version === meta.version;
      // Records were written while these were read: deals might be here whose product is not. Read on before showing it.
      if (!settled && i < readingsMax - 1) continue;
      show({ meta, held, lists: new Map(recordKinds.map((kind) => [kind, listOf(held, kind)])) });
      if (settled) return;
    }
  }

  async function patched(
    { held: before }: Snapshot,
    changes: readonly { kind: RecordKind; id: string }[],
  ): Promise<HeldRecords> {
    const held = new Map([...before].map(([kind, records]) => [kind, new Map(records)]));
    for (const kind of recordKinds) {
      const ids = [...new Set(changes.filter((c) => c.kind === kind).map((c) => c.id))];
      if (ids.length === 0) continue;
      const fresh = checked(await store.records(kind, ids)).get(kind);
      for (const id of ids) {
        const record = fresh?.get(id);
        if (record === undefined) held.get(kind)?.delete(id);
        else held.get(kind)?.set(id, record);
      }
    }
    return held;
  }

  function checked(kept: readonly KeptRecord[]): HeldRecords {
    const held = new Map(
      recordKinds.map((kind) => [kind, new Map<string, { record: AnyRecord; origin: 'file' | 'command' }>()]),
    );
    for (const { kind, id, body, origin } of kept) {
      const parsed = recordSchemas[kind].safeParse(body);
      // Kept by an older release whose words these no longer are: left out, loudly, rather than half understood.
      if (parsed.success) held.get(kind)?.set(id, { record: parsed.data as AnyRecord, origin });
      else logger.error({ kind, id, problems: problemsOf(parsed.error) }, 'a kept record no longer fits its schema');
    }
    return held;
  }

  function listOf(held: HeldRecords, kind: RecordKind): readonly AnyRecord[] {
    const records = [...(held.get(kind)?.values() ?? [])].map((h) => h.record);
    return records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  function show(next: Snapshot): void {
    now = next;
    for (const listener of listeners) listener();
  }

  function look(): void {
    catchUp().catch((error: unknown) => {
      logger.debug({ error: String(error) }, 'the catalogue could not be compared; it is tried again');
    });
  }

  function heard(channel: string): void {
    if (channel === keys.catalogue.nodesBell) look();
  }

  async function follow(): Promise<void> {
    if (timer !== undefined) return;
    subscriber.on('smessage', heard);
    for (const connection of [redis, subscriber, objects.connection]) connection.on('ready', look);
    timer = setInterval(look, compareMs).unref();
    await subscriber.ssubscribe(keys.catalogue.nodesBell);
  }

  // ---- loading a file

  async function load(festival: Festival | null): Promise<void> {
    if (festival !== null && festival.festival.id !== keys.festival)
      throw new FestivalRefused(`this is the festival "${festival.festival.id}", and "${keys.festival}" is kept here`);
    await catchUp();
    if (festival !== null) {
      // A file alone cannot tell when what counts from the first start is; now that is known, or it is now.
      const problems = problemsInTime(festival, now?.meta.firstStartMs ?? clock.nowMs());
      if (problems.length > 0)
        throw new FestivalRefused(
          `the festival file cannot be played:\n${problems.map((p) => `  - ${p.path}: ${p.message}`).join('\n')}`,
        );
      await write(festival);
    }
    if (now === null) throw new FestivalRefused('there is no festival yet: name one with FESTIVAL=file.json');
    await follow();
    // A change between the reading and the subscription rang for nobody.
    await catchUp();
  }

  async function write(festival: Festival): Promise<void> {
    for (let tries = 0; tries < triesMax; ) {
      const head = headToWrite(festival.festival);
      const held: HeldRecords = now?.held ?? new Map();
      const writes = planLoad(festival, { held, fileHashes: await store.fileHashes() });
      if (writes.length === 0 && head === null) return;
      const answered = await store.write({
        expectedVersion: now?.meta.version ?? 0,
        nowMs: clock.nowMs(),
        freshEpoch: random.token(9),
        head,
        // The rest is planned again from what then is kept, so a start that is cut short is continued by the next.
        writes: writes.slice(0, writesPerCallMax),
        outcome: {},
        answer: null,
      });
      if (answered === MOVED) tries++;
      else logger.info({ records: Math.min(writes.length, writesPerCallMax) }, 'wrote records of the festival file');
      await catchUp();
    }
    throw new Error('the catalogue kept moving while the festival file was loaded');
  }

  function headToWrite(head: FestivalHead): FestivalHead | null {
    if (now === null) return head;
    const kept = now.meta.head;
    if (kept.currency !== head.currency)
      throw new FestivalRefused(
        `its currency is ${kept.currency} since its first start and cannot become ${head.currency}: give the festival another id`,
      );
    return JSON.stringify(kept) === JSON.stringify(head) ? null : head;
  }

  // ---- commands

  /** Decides at the version that is held, writes if nobody was faster, and looks again if somebody was. */
  async function decide<D extends SaveDecision | RemoveDecision>(
    person: Person,
    answer: AnswerKey,
    at: (snapshot: Snapshot) => { decision: D; writes: Write[]; remember: boolean },
  ): Promise<D> {
    for (let tries = 0; tries < triesMax; tries++) {
      if (now === null) throw new Fault('unavailable');
      const { decision, writes, remember } = at(now);
      const nowMs = clock.nowMs();
      const keptMs = decision.ok ? successKeptMs : refusalKeptMs;
      const answered = await store.write({
        expectedVersion: now.meta.version,
        nowMs,
        freshEpoch: '',
        head: null,
        writes,
        outcome: decision,
        answer: { ...answer, personId: person.shopperId, forgetAtMs: remember ? nowMs + keptMs : null },
      });
      if (answered !== MOVED) {
        // Whoever saved a record finds it here at once. If reading fails now, the next comparison brings it.
        if (writes.length > 0) await catchUp().catch(() => {});
        return JSON.parse(answered) as D;
      }
      await catchUp();
    }
    throw new Fault('overloaded');
  }

  /** Operators write everything; a brand writes what is its own, before and after the change. */
  function mayWrite(person: Person, kind: RecordKind, records: readonly (AnyRecord | undefined)[]): boolean {
    if (person.roles.includes('operator')) return true;
    if (!person.roles.includes('brand') || person.brandId === null) return false;
    return records.every((r) => r === undefined || brandOf(kind, r, lookup) === person.brandId);
  }

  function decideSave(
    snapshot: Snapshot,
    person: Person,
    { kind, record }: Pick<InputOf<Commands['save']>, 'kind' | 'record'>,
  ) {
    const refuse = (decision: SaveDecision, remember = false) => ({ decision, writes: [], remember });
    if (!isRecordKind(kind)) return refuse({ ok: false, why: 'unknown-kind' });
    const parsed = recordSchemas[kind].safeParse(record);
    if (!parsed.success) return refuse({ ok: false, why: 'bad-record', problems: problemsOf(parsed.error) });
    const body = parsed.data as AnyRecord;
    const dangling = danglingOf(body, lookup);
    if (dangling.length > 0) return refuse({ ok: false, why: 'bad-record', problems: dangling });
    const before = lookup(kind, body.id);
    if (!mayWrite(person, kind, [before, body])) return refuse({ ok: false, why: 'not-yours' });
    const problems = problemsBeside(snapshot, kind, body);
    if (problems.length > 0) return refuse({ ok: false, why: 'bad-record', problems });
    if (before === undefined && (snapshot.held.get(kind)?.size ?? 0) >= recordsPerKindMax)
      return refuse({ ok: false, why: 'catalogue-full', recordsMax: recordsPerKindMax }, true);
    const brandId = brandOf(kind, body, lookup);
    const version = snapshot.meta.version + 1;
    return {
      decision: { ok: true, reply: { id: body.id, version } } satisfies SaveDecision,
      writes: [{ op: 'save', kind, record: body, brandId, origin: 'command', fileHash: null } satisfies Write],
      remember: true,
    };
  }

  /** What is wrong with a record only beside the others. */
  function problemsBeside({ meta }: Snapshot, kind: RecordKind, body: AnyRecord): Problem[] {
    switch (kind) {
      case 'phases':
        return phaseProblems(meta, body as RecordOf<'phases'>);
      case 'deals':
        return dealProblems(meta, body as RecordOf<'deals'>);
      case 'products':
        return productProblems(meta, body as RecordOf<'products'>);
      case 'coupons':
        return foreignProductsOf(body as RecordOf<'coupons'>, lookup);
      case 'brands':
      case 'sessions':
      case 'drops':
      case 'tasks':
      case 'moments':
        return [];
    }
  }

  function phaseProblems(meta: Meta, phase: RecordOf<'phases'>): Problem[] {
    const others = all('phases').filter((p) => p.id !== phase.id);
    return overlappingPhases([...others, phase], meta.firstStartMs)
      .filter((o) => o.index === others.length)
      .map((o) => ({ path: 'when', message: `is on while the phase "${o.with}" is; phases may not overlap` }));
  }

  function dealProblems(meta: Meta, deal: RecordOf<'deals'>): Problem[] {
    const others = all('deals').filter((d) => d.id !== deal.id && d.productId === deal.productId);
    const product = lookup('products', deal.productId) as RecordOf<'products'> | undefined;
    return [
      ...(product === undefined ? [] : discountProblems(product, deal, meta.firstStartMs)),
      ...overlappingDeals([...others, deal], meta.firstStartMs)
        .filter((o) => o.index === others.length)
        .map((o) => overlapProblem(deal, o.with)),
    ];
  }

  /** A lower price before the festival can make the discount of a deal that is already there a dishonest one. */
  function productProblems(meta: Meta, product: RecordOf<'products'>): Problem[] {
    return all('deals')
      .filter((d) => d.productId === product.id)
      .flatMap((deal) =>
        discountProblems(product, deal, meta.firstStartMs).map((p) => ({
          path: product.pastPrices === undefined ? 'listMinor' : 'pastPrices',
          message: `the deal "${deal.id}" (${p.path}): ${p.message}`,
        })),
      );
  }

  function decideRemove(
    snapshot: Snapshot,
    person: Person,
    { kind, id }: Pick<InputOf<Commands['remove']>, 'kind' | 'id'>,
  ) {
    const refuse = (decision: RemoveDecision, remember = true) => ({ decision, writes: [], remember });
    if (!isRecordKind(kind)) return refuse({ ok: false, why: 'unknown-kind' }, false);
    const record = lookup(kind, id);
    if (record === undefined) return refuse({ ok: false, why: 'unknown-record' });
    if (!mayWrite(person, kind, [record])) return refuse({ ok: false, why: 'not-yours' }, false);
    const by = userOf(snapshot, kind, id);
    if (by !== null) return refuse({ ok: false, why: 'still-used', by });
    return {
      decision: { ok: true, reply: { version: snapshot.meta.version + 1 } } satisfies RemoveDecision,
      // What the file said stays remembered, so that the next start does not bring the record back.
      writes: [{ op: 'remove', kind, id, forgetFile: false } satisfies Write],
      remember: true,
    };
  }

  function userOf({ lists }: Snapshot, kind: RecordKind, id: string): string | null {
    for (const [userKind, records] of lists) {
      const user = records.find((r) => referencesOf(r).some((need) => need.kind === kind && need.id === id));
      if (user !== undefined) return `${userKind}/${user.id}`;
    }
    return null;
  }

  function all<K extends RecordKind>(kind: K): readonly RecordOf<K>[] {
    return (now?.lists.get(kind) ?? []) as unknown as readonly RecordOf<K>[];
  }

  feeds.state('catalogue:version', {
    channels: () => [keys.catalogue.bell],
    async read(ids) {
      const version = (await store.meta())?.version ?? 0;
      return ids.map((id) => (id === 'all' ? { version } : null));
    },
    sampleMs,
  });

  return {
    version: () => now?.meta.version ?? 0,
    festival() {
      if (now === null) throw new Error('no festival is loaded yet');
      return { ...now.meta.head, firstStartMs: now.meta.firstStartMs };
    },
    all,
    get: <K extends RecordKind>(kind: K, id: string) => lookup(kind, id) as RecordOf<K> | undefined,
    onChange(listener) {
      listeners.push(listener);
    },
    load,
    catchUp,
    handlers: {
      async list(_caller, { kind }) {
        if (!isRecordKind(kind)) return { ok: false, why: 'unknown-kind' };
        if (now === null) throw new Fault('unavailable');
        return { ok: true, reply: { version: now.meta.version, records: [...all(kind)] as Record<string, unknown>[] } };
      },
      async save(caller, input, answer) {
        const person = personOf(caller);
        return decide<SaveDecision>(person, answer, (snapshot) => decideSave(snapshot, person, input));
      },
      async remove(caller, input, answer) {
        const person = personOf(caller);
        return decide<RemoveDecision>(person, answer, (snapshot) => decideRemove(snapshot, person, input));
      },
    },
    stop() {
      clearInterval(timer);
      for (const connection of [redis, subscriber, objects.connection]) connection.off('ready', look);
      subscriber.off('smessage', heard);
    },
  };
}
