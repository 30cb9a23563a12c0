import {
  type AnyRecord,
  type FestivalHead,
  festivalHeadSchema,
  type RecordKind,
  recordKinds,
} from '@elevens/shared/src/catalogue/festival.ts';
import { type Entity, EntityId, Repository, Schema } from 'redis-om';
import { z } from 'zod';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import type { ObjectStore } from '../../platform/redis/object-store.ts';
import { defineScript, faultOf } from '../../platform/redis/scripts.ts';

const writeRecords = defineScript(new URL('./write-records.lua', import.meta.url));

/** The catalogue is no longer at the version that a write was checked against. */
export const MOVED = 'moved';

/** Reading is bounded: a Redis that does not answer must not hold whoever waits for the catalogue. */
const readTimeoutMs = 5_000;

/** What is kept about the catalogue as a whole. The version grows by one with every write; the epoch names this life of it. */
const metaSchema = z.object({
  version: z.coerce.number().int(),
  epoch: z.string(),
  firstStartMs: z.coerce.number().int(),
  head: z.string().transform((text) => festivalHeadSchema.parse(JSON.parse(text))),
});
export interface Meta {
  version: number;
  epoch: string;
  firstStartMs: number;
  head: FestivalHead;
}

/** A record as it is kept. Its body is parsed JSON and not yet checked. */
export interface KeptRecord {
  kind: RecordKind;
  id: string;
  body: unknown;
  /** Who wrote it last: the festival file or a command. */
  origin: 'file' | 'command';
}

export type Write =
  | {
      op: 'save';
      kind: RecordKind;
      record: AnyRecord;
      brandId: string | null;
      origin: KeptRecord['origin'];
      /** The hash of the file's own record, kept beside it; null leaves what is kept. */
      fileHash: string | null;
    }
  | { op: 'remove'; kind: RecordKind; id: string; forgetFile: boolean }
  /** Only what is remembered of the file changes. */
  | { op: 'note'; kind: RecordKind; id: string };

export interface WriteRequest {
  expectedVersion: number;
  nowMs: number;
  freshEpoch: string;
  /** A new head of the festival, or null to leave it. */
  head: FestivalHead | null;
  writes: readonly Write[];
  /** The decision as it is answered, and as it is remembered where `forgetAtMs` says until when. */
  outcome: object;
  answer: (AnswerKey & { personId: string; forgetAtMs: number | null }) | null;
}

/** What the catalogue needs of Redis; the only file here that knows it. */
export function createStore({ redis, objects, keys }: { redis: Redis; objects: ObjectStore; keys: Keyspace }) {
  const { catalogue } = keys;
  // A record's fields beside its body are for people who look into Redis; the body is JSON, because redis-om's own
  // arrays lose their separators and its numbers their precision.
  const repositories = Object.fromEntries(
    recordKinds.map((kind) => {
      const schema = new Schema(
        catalogue.recordPrefix(kind),
        { body: { type: 'string' }, brand: { type: 'string' }, origin: { type: 'string' } },
        { dataStructure: 'HASH' },
      );
      return [kind, new Repository(schema, objects.connection)];
    }),
  ) as Record<RecordKind, Repository>;

  /** One bounded read; what the connection throws becomes the fault that it is. */
  async function reading<T>(read: Promise<T>): Promise<T> {
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timeout = setTimeout(() => reject(new Fault('unavailable')), readTimeoutMs);
    });
    try {
      return await Promise.race([read, late]);
    } catch (error) {
      throw error instanceof Fault ? error : new Fault('unavailable', { cause: faultOf(error) });
    } finally {
      clearTimeout(timeout);
    }
  }

  function keptOf(kind: RecordKind, entity: Entity): KeptRecord | null {
    const id = Reflect.get(entity, EntityId);
    // redis-om answers an object without fields where there is nothing.
    if (typeof id !== 'string' || typeof entity.body !== 'string') return null;
    return { kind, id, body: JSON.parse(entity.body), origin: entity.origin === 'command' ? 'command' : 'file' };
  }

  return {
    /** Null before the first festival was loaded. */
    async meta(): Promise<Meta | null> {
      const kept = await reading(redis.hgetall(catalogue.meta));
      return Object.keys(kept).length === 0 ? null : metaSchema.parse(kept);
    },

    /** The records of these ids that are there; the others were removed. */
    async records(kind: RecordKind, ids: readonly string[]): Promise<KeptRecord[]> {
      const entities = await reading(repositories[kind].fetch([...ids]));
      return entities.map((e) => keptOf(kind, e)).filter((r) => r !== null);
    },

    async everything(): Promise<KeptRecord[]> {
      const kinds = await Promise.all(
        recordKinds.map(async (kind) => this.records(kind, await reading(redis.smembers(catalogue.index(kind))))),
      );
      return kinds.flat();
    },

    /** What changed after a version up to the newest, or null when that is no longer kept whole. */
    async changesAfter(version: number): Promise<{ kind: RecordKind; id: string }[] | null> {
      const entries = await reading(redis.xrange(catalogue.changes, `${version + 1}-0`, '+'));
      const first = entries[0];
      // The first entry must be of the very next version, or some in between were trimmed away.
      if (first === undefined || !first[0].startsWith(`${version + 1}-`)) return null;
      return entries
        .map(([, fields]) => ({ kind: fields[1] as RecordKind | 'head', id: fields[3] ?? '' }))
        .filter((c): c is { kind: RecordKind; id: string } => c.kind !== 'head');
    },

    /** What the file said of each record when it was last loaded, by `kind:id`. */
    async fileHashes(): Promise<Map<string, string>> {
      return new Map(Object.entries(await reading(redis.hgetall(catalogue.fileHashes))));
    },

    /** Writes and answers the outcome as JSON, or MOVED. */
    async write(request: WriteRequest): Promise<string> {
      const { answer } = request;
      const personId = answer?.personId ?? '';
      const names = request.writes.flatMap((w) => [
        catalogue.record(w.kind, w.op === 'save' ? w.record.id : w.id),
        catalogue.index(w.kind),
      ]);
      const args = request.writes.flatMap((w) =>
        w.op === 'save'
          ? ['save', w.kind, w.record.id, JSON.stringify(w.record), w.brandId ?? '', w.origin, w.fileHash ?? '']
          : w.op === 'remove'
            ? ['remove', w.kind, w.id, '', '', '', w.forgetFile ? '-' : '']
            : ['note', w.kind, w.id, '', '', '', '-'],
      );
      return (await writeRecords.run(
        redis,
        [
          catalogue.meta,
          catalogue.changes,
          catalogue.fileHashes,
          catalogue.answers(personId),
          catalogue.answersOrder(personId),
          catalogue.nodesBell,
          catalogue.bell,
          ...names,
        ],
        [
          request.expectedVersion,
          request.nowMs,
          request.freshEpoch,
          request.head === null ? '' : JSON.stringify(request.head),
          JSON.stringify(request.outcome),
          answer?.requestId ?? '',
          answer?.command ?? '',
          answer?.inputHash ?? '',
          answer?.forgetAtMs ?? '',
          request.writes.length,
          ...args,
        ],
      )) as string;
    },
  };
}
