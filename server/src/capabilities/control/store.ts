import type { LawName, Wall, WallRedis } from '@elevens/shared/src/control/contract.ts';
import { lawNames, lawSchema, pointSchema, pointsMax } from '@elevens/shared/src/control/contract.ts';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import type { NodeFacts } from '../../platform/node-facts.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';

const writeWall = defineScript(new URL('./write-wall.lua', import.meta.url));

/** What a node says about itself, once a second. */
export interface NodeLine extends NodeFacts {
  seenAtMs: number;
}

/** What is counted up as it happens, by field of the partitions' totals; the crowd's own stand under `<field>:sim`. */
const counted = [
  'claims',
  'holds',
  'units',
  'heldMinor',
  'lapsed',
  'released',
  'packets',
  'packetsMinor',
  'energy',
] as const;
export type Counted = (typeof counted)[number];
export type Sums = Record<Counted, number>;

const keptPointSchema = z.strictObject({
  point: pointSchema,
  /** The sums of that moment, from which whoever makes the next point goes on. */
  sums: z.strictObject({
    claims: z.int(),
    holds: z.int(),
    messages: z.int(),
    packets: z.int(),
    crowdClaims: z.int(),
  }),
});
export type KeptPoint = z.infer<typeof keptPointSchema>;

const keptLawSchema = lawSchema.extend({
  /** When the law last answered at all, be it that the ledger is still being read. */
  heardAtMs: z.int(),
  /** What the count before found differences of, also what is not shown: only what two counts in a row show is acted upon. */
  suspects: z.array(z.string()),
  /** All that was stopped since the law went adrift, as '<kind> <id>'. */
  stopped: z.array(z.string()),
});
export type KeptLaw = z.infer<typeof keptLawSchema>;

/** A node that has not said a word for this long is not counted: it missed four of its lines. */
const nodeFreshMs = 5_000;
/** And after this long its line is taken away. */
const nodeKeptMs = 60_000;

export type ControlStore = ReturnType<typeof createControlStore>;

/** The only file of this capability that knows Redis. */
export function createControlStore({ redis, keys, clock }: { redis: Redis; keys: Keyspace; clock: Clock }) {
  const { desk } = keys;
  const bell = desk.bell('control:wall', 'all');

  async function keptPoints(count: number): Promise<KeptPoint[]> {
    const found = await redis.lrange(desk.points, -count, -1);
    return found.flatMap((text) => {
      // A point that an earlier version of this code wrote in another shape is left out, not fatal.
      const parsed = keptPointSchema.safeParse(JSON.parse(text));
      return parsed.success ? [parsed.data] : [];
    });
  }

  return {
    bell,
    points: keptPoints,

    async sayNode(node: string, line: NodeLine): Promise<void> {
      await redis.hset(desk.nodes, node, JSON.stringify(line));
    },

    async forgetNode(node: string): Promise<void> {
      await redis.hdel(desk.nodes, node);
    },

    /** The nodes that are heard from, by name; what has been silent for a minute is taken away. */
    async nodes(nowMs: number): Promise<(NodeLine & { node: string })[]> {
      const lines = Object.entries(await redis.hgetall(desk.nodes)).map(([node, text]) => ({
        node,
        ...(JSON.parse(text) as NodeLine),
      }));
      const gone = lines.filter((line) => nowMs - line.seenAtMs > nodeKeptMs).map((line) => line.node);
      if (gone.length > 0) await redis.hdel(desk.nodes, ...gone);
      return lines
        .filter((line) => nowMs - line.seenAtMs <= nodeFreshMs)
        .toSorted((a, b) => (a.node < b.node ? -1 : 1));
    },

    /** What was counted in all partitions together, of people and of the crowd. */
    async sums(): Promise<{ people: Sums; crowd: Sums }> {
      const zero = () => Object.fromEntries(counted.map((field) => [field, 0])) as Sums;
      const sums = { people: zero(), crowd: zero() };
      const fields = [...counted, ...counted.map((field) => `${field}:sim`)];
      const found = await Promise.all(
        Array.from({ length: keys.partitions }, (_, k) => redis.hmget(keys.partition(k).totals, ...fields)),
      );
      for (const values of found) {
        for (const [i, field] of counted.entries()) {
          sums.people[field] += Number(values[i] ?? 0);
          sums.crowd[field] += Number(values[counted.length + i] ?? 0);
        }
      }
      return sums;
    },

    /** How much of each drop has been opened; nothing yet where it has not been sealed. */
    async opened(dropIds: readonly string[]): Promise<{ opened: number; openedMinor: number }[]> {
      const home = keys.partition(0);
      const found = await Promise.all(dropIds.map((dropId) => redis.hmget(home.drop(dropId), 'opened', 'openedMinor')));
      return found.map(([opened, openedMinor]) => ({
        opened: Number(opened ?? 0),
        openedMinor: Number(openedMinor ?? 0),
      }));
    },

    async anyDropSealed(): Promise<boolean> {
      return (await redis.zcard(keys.partition(0).drops)) > 0;
    },

    /** How this Redis is, as an operator wants to know it. A Redis that does not answer throws. */
    async health(durability: string): Promise<WallRedis> {
      const sentAtMs = clock.monotonicMs();
      await redis.ping();
      const pingMs = Math.round((clock.monotonicMs() - sentAtMs) * 100) / 100;
      const info = (await Promise.all(['memory', 'clients', 'persistence'].map((section) => redis.info(section)))).join(
        '\n',
      );
      const fact = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
      const aof = fact('aof_enabled') !== '1' ? 'off' : fact('aof_last_write_status') === 'ok' ? 'ok' : 'err';
      return {
        name: 'redis',
        // Where the level promises the disk the file must be written; elsewhere there need be none.
        ok: durability.startsWith('fsync') ? aof === 'ok' : aof !== 'err',
        pingMs,
        usedBytes: Number(fact('used_memory')),
        clients: Number(fact('connected_clients')),
        durability,
        aof,
      };
    },

    async laws(): Promise<Map<LawName, KeptLaw>> {
      const kept = new Map<LawName, KeptLaw>();
      for (const [i, text] of (await redis.hmget(desk.laws, ...lawNames)).entries()) {
        const law = lawNames[i];
        const parsed = text === null ? undefined : keptLawSchema.safeParse(JSON.parse(text));
        if (law !== undefined && parsed?.success) kept.set(law, parsed.data);
      }
      return kept;
    },

    async keepLaw(law: KeptLaw): Promise<void> {
      await redis.hset(desk.laws, law.law, JSON.stringify(law));
    },

    /** Puts the figures up. They carry no version of their own: they are given one here. */
    async write(figures: Omit<Wall, 'version'>, point: KeptPoint): Promise<void> {
      await writeWall.run(
        redis,
        [desk.wall, desk.points],
        [figures.atMs, JSON.stringify(figures), JSON.stringify(point), pointsMax, bell],
      );
    },

    async wall(): Promise<Wall | null> {
      const [figures, version] = await redis.hmget(desk.wall, 'figures', 'version');
      if (!figures) return null;
      return { ...(JSON.parse(figures) as Omit<Wall, 'version'>), version: Number(version) };
    },
  };
}
