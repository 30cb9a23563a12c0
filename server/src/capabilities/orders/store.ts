import { abandonedForMs, type Hold } from '@elevens/shared/src/deals/contract.ts';
import { levelOf } from '@elevens/shared/src/energy/levels.ts';
import type { TimelineEntry } from '@elevens/shared/src/orders/contract.ts';
import { couponPool, type KeptOrder, type KeptPayment, type PoolMove } from '@elevens/shared/src/orders/documents.ts';
import { type Plan, type Scene } from '@elevens/shared/src/orders/plan.ts';
import type { LedgerHead } from '@elevens/shared/src/orders/timeline.ts';
import { dueOfOrder, dueOfPayment } from '@elevens/shared/src/orders/transitions.ts';
import { Fault } from '../../platform/fault.ts';
import type { AnswerKey } from '../../platform/gateway.ts';
import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { defineScript } from '../../platform/redis/scripts.ts';
import { readHead } from '../../platform/redis/segments.ts';

const moveOrders = defineScript(new URL('./move-orders.lua', import.meta.url));
const moveDue = defineScript(new URL('./move-due.lua', import.meta.url));
const stageCoupon = defineScript(new URL('./stage-coupon.lua', import.meta.url));

/** What succeeded can be asked for again for a day: longer than any hold, so a repeated `place` never finds it lapsed. */
const successKeptMs = 86_400_000;
/** A refusal is soon out of date; this is far longer than a client retries. */
const refusalKeptMs = 600_000;
/** Orders of one shopper that the feed tells of. */
const fedOrdersMax = 20;

/** A hold as it was read: the text itself is compared when it is committed. */
export interface ReadHold {
  holdId: string;
  text: string;
  hold: Hold;
}

export interface Commit {
  /** The partition in which all of this lies, and the shopper whose orders they are. */
  partition: number;
  shopperId: string;
  atMs: number;
  /** The documents that were read; each is compared, whether or not the plan changes it. */
  scene: Scene;
  plan: Plan | null;
  /** Holds that the plan begins to pay or ends, as they were read. */
  holds?: readonly ReadHold[];
  /** What home has granted this partition's slices since they were found dry, by pool. */
  granted?: ReadonlyMap<string, number>;
  /** Where a caller waits for an answer: it is remembered, unless it is `passing` (the same request may fare better later). */
  answer?: { callerId: string; key: AnswerKey; outcome: string; ok: boolean; passing: boolean } | undefined;
  /** When a shopper's command arrived; absent for sweeps and what the provider says. */
  stampMs?: number | undefined;
}

export type Committed =
  | { is: 'done'; outcome: string }
  | { is: 'remembered'; outcome: string }
  /** Something that was read is no longer so: read again, decide again. */
  | { is: 'moved' }
  | { is: 'dry'; poolIds: string[] }
  | { is: 'limit'; poolId: string }
  | { is: 'stopped'; poolId: string };

export interface CouponCount {
  taken: number;
  sliceFree: number;
  /** Nobody may use it for now: a law about it is broken. */
  stopped: boolean;
}

/** The partition that an id names; null where there is none of that number. */
export function partitionOfId(id: string, partitions: number): number | null {
  const k = Number(/^[hoy](\d{1,3})\./.exec(id)?.[1] ?? Number.NaN);
  return Number.isInteger(k) && k < partitions ? k : null;
}

export type OrderStore = ReturnType<typeof createOrderStore>;

/** The only file of this capability that knows Redis. */
export function createOrderStore({
  redis,
  keys,
  carryHome,
  announced,
}: {
  redis: Redis;
  keys: Keyspace;
  /** Brings home what a closed slice has given back. */
  carryHome: (poolId: string, partition: number) => Promise<void>;
  /** Something was announced in this outbox. */
  announced: (outbox: string) => void;
}) {
  const mineBell = (shopperId: string) => keys.of(shopperId).bell('orders:mine', shopperId);

  /** Several documents of one partition, in one read. */
  async function read<T>(documentKeys: readonly string[]): Promise<(T | null)[]> {
    if (documentKeys.length === 0) return [];
    const texts = await redis.mget(...documentKeys);
    return texts.map((text) => (text === null ? null : (JSON.parse(text.slice(text.indexOf(' ') + 1)) as T)));
  }

  const ofPartition = (id: string) => {
    const partition = partitionOfId(id, keys.partitions);
    return partition === null ? null : keys.partition(partition);
  };

  async function readOrders(orderIds: readonly string[]): Promise<(KeptOrder | null)[]> {
    const k = orderIds[0] === undefined ? null : ofPartition(orderIds[0]);
    return k === null ? orderIds.map(() => null) : read<KeptOrder>(orderIds.map((id) => k.order(id)));
  }
  async function readPayments(paymentIds: readonly string[]): Promise<(KeptPayment | null)[]> {
    const k = paymentIds[0] === undefined ? null : ofPartition(paymentIds[0]);
    return k === null ? paymentIds.map(() => null) : read<KeptPayment>(paymentIds.map((id) => k.payment(id)));
  }

  /** Every payment that a decision about these orders may touch. */
  async function paymentsOf(orders: readonly KeptOrder[], known: readonly KeptPayment[]): Promise<KeptPayment[]> {
    const wanted = new Set(
      orders.flatMap(({ order, placedIn, paidBy }) => [placedIn, order.paymentId, ...paidBy.map((p) => p.paymentId)]),
    );
    for (const { payment } of known) wanted.delete(payment.paymentId);
    const found = await readPayments([...wanted]);
    return [...known, ...found.flatMap((kept) => kept ?? [])];
  }

  function poolsOf(
    commit: Commit,
    plan: Plan | null,
    place: (key: string) => number,
  ): { k: number; taken: number; id: string; bell: string; granted: string; moves: object[] }[] {
    const k = keys.partition(commit.partition);
    const byPool = new Map<string, PoolMove[]>();
    for (const move of [...(plan?.stock ?? []), ...(plan?.coupons ?? [])]) {
      const moves = byPool.get(move.poolId);
      if (moves === undefined) byPool.set(move.poolId, [move]);
      else moves.push(move);
    }
    return [...byPool].map(([poolId, moves]) => ({
      k: place(k.slice(poolId)),
      taken: place(k.taken(poolId)),
      id: poolId,
      bell: poolId.startsWith('deal:') ? k.bell('deals:stock', poolId.slice('deal:'.length)) : '',
      granted: String(commit.granted?.get(poolId) ?? ''),
      moves: moves.map(({ from, to, quantity, limit }) => ({
        from,
        to,
        quantity: String(quantity),
        limit: limit === null ? '' : String(limit),
      })),
    }));
  }

  /** What a plan is, as the script takes it. */
  function planText(commit: Commit, scriptKeys: string[]): string {
    const { plan, scene, answer, shopperId, partition, atMs } = commit;
    const k = keys.partition(partition);
    const places = new Map<string, number>();
    const place = (key: string) => {
      const known = places.get(key);
      if (known !== undefined) return known;
      places.set(key, scriptKeys.push(key));
      return scriptKeys.length;
    };
    const documents = new Map<string, { k: number; was: string; text: string }>();
    const document = (key: string, was: number, is: { version: number; kept: object } | null) =>
      documents.set(key, {
        k: place(key),
        was: String(was),
        text: is === null ? '' : `${is.version} ${JSON.stringify(is.kept)}`,
      });
    for (const { order } of scene.orders) document(k.order(order.orderId), order.version, null);
    for (const { payment, version } of scene.payments) document(k.payment(payment.paymentId), version, null);
    for (const { versionWas, kept } of plan?.orders ?? [])
      document(k.order(kept.order.orderId), versionWas, { version: kept.order.version, kept });
    for (const { versionWas, kept } of plan?.payments ?? [])
      document(k.payment(kept.payment.paymentId), versionWas, { version: kept.version, kept });

    const suffix = plan?.simulated ? ':sim' : '';
    const sumOf = (account: string) => plan?.postings.find((post) => post.account === account)?.minor ?? 0;
    const totals: [string, string][] = [];
    if (plan?.event === 'placed') totals.push([`orders${suffix}`, String(plan.orders.length)]);
    const paidMinor = -Math.min(0, sumOf('shoppers'));
    if (paidMinor > 0) totals.push([`paidMinor${suffix}`, String(paidMinor)]);
    if (plan?.holdsAbandoned.length) totals.push([`lapsed${suffix}`, String(plan.holdsAbandoned.length)]);

    const leavesLapses = plan?.event === 'placed' ? [...plan.holdsPaying, ...plan.holdsEnded] : [];
    const paymentIds = plan?.payments.map(({ kept }) => kept.payment.paymentId) ?? [];
    const score = (due: { atMs: number } | null) => (due === null ? '' : String(due.atMs));
    return JSON.stringify({
      now: String(atMs),
      forget: String(atMs + (answer?.ok ? successKeptMs : refusalKeptMs)),
      claimForget: String(atMs + refusalKeptMs),
      stamp: String(commit.stampMs ?? ''),
      shopper: shopperId,
      answer:
        answer === undefined || answer.key.requestId === ''
          ? false
          : {
              request: answer.key.requestId,
              command: answer.key.command,
              hash: answer.key.inputHash,
              outcome: answer.outcome,
              passing: answer.passing,
            },
      documents: [...documents.values()],
      timelines: (plan?.orders ?? []).map(({ kept, entries }) => ({
        k: place(k.timeline(kept.order.orderId)),
        entries: entries.map((entry) => JSON.stringify(entry)),
      })),
      // Also a hold that ends at once, because nothing is to be paid, must be as it was read: its units are sold only once.
      holds: (plan === null ? [] : (commit.holds ?? [])).map(({ holdId, text, hold }) => ({
        id: holdId,
        was: text,
        text: plan?.holdsPaying.includes(holdId)
          ? text.slice(0, text.indexOf('{')) + JSON.stringify({ ...hold, paymentId: paymentIds[0] })
          : '',
      })),
      ended: plan?.holdsEnded ?? [],
      abandoned: plan?.holdsAbandoned ?? [],
      forgiven: plan?.holdsForgiven ?? [],
      abandonedMs: String(abandonedForMs),
      pools: poolsOf(commit, plan, place),
      line:
        plan === null
          ? []
          : Object.entries({
              e: `order-${plan.event}`,
              t: String(atMs),
              orders: plan.orders.map(({ kept }) => kept.order.orderId).join(','),
              shopper: shopperId,
              payment: paymentIds.join(','),
              holds: leavesLapses.join(','),
              sim: plan.simulated ? '1' : '0',
            }).flat(),
      posts: (plan?.postings ?? []).map(({ account, minor }) => [account, String(minor)]),
      dues: [
        ...(plan?.payments ?? []).map(({ kept }) => [kept.payment.paymentId, score(dueOfPayment(kept))]),
        ...(plan?.orders ?? []).map(({ kept }) => [kept.order.orderId, score(dueOfOrder(kept))]),
      ],
      payDues: (plan?.payments ?? []).flatMap(({ kept, askProviderAtMs }) =>
        askProviderAtMs === null ? [] : [[kept.payment.paymentId, String(askProviderAtMs)]],
      ),
      indexes: (plan?.orders ?? []).flatMap(({ versionWas, kept: { order } }) => {
        const { orderId, placedAtMs, brandId, state } = order;
        const entry = (key: string) => [place(key), String(placedAtMs), orderId];
        return [
          ...(versionWas === 0 ? [entry(k.shopperOrders(shopperId))] : []),
          // An order that nobody paid is none of the brand's business.
          ...(state.is === 'paid' || state.is === 'deposit-paid' ? [entry(k.brandOrders(brandId))] : []),
        ];
      }),
      totals,
      announcements: (plan?.announcements ?? []).map(({ event, orderId }) => [
        `energy@p${partition}`,
        event,
        JSON.stringify({ shopperId, orderId, atMs, simulated: plan?.simulated ?? false }),
      ]),
      bells:
        plan === null
          ? []
          : [
              mineBell(shopperId),
              ...(plan.holdsPaying.length + plan.holdsEnded.length + plan.holdsForgiven.length > 0
                ? [k.bell('deals:mine', shopperId)]
                : []),
            ],
    });
  }

  return {
    mineBell,
    readOrders,
    readPayments,

    async readPayment(paymentId: string): Promise<KeptPayment | null> {
      return (await readPayments([paymentId]))[0] ?? null;
    },
    async readOrder(orderId: string): Promise<KeptOrder | null> {
      return (await readOrders([orderId]))[0] ?? null;
    },

    /** A payment, its orders, and every other payment of those. */
    async sceneOfPayment(paymentId: string): Promise<Scene | null> {
      const [kept] = await readPayments([paymentId]);
      if (kept === null || kept === undefined) return null;
      const orders = (await readOrders(kept.payment.orderIds)).flatMap((order) => order ?? []);
      return { orders, payments: await paymentsOf(orders, [kept]) };
    },

    /** An order and every payment of it. */
    async sceneOfOrder(orderId: string): Promise<Scene | null> {
      const [order] = await readOrders([orderId]);
      if (order === null || order === undefined) return null;
      return { orders: [order], payments: await paymentsOf([order], []) };
    },

    async timeline(orderId: string): Promise<TimelineEntry[]> {
      const k = ofPartition(orderId);
      if (k === null) return [];
      return (await redis.lrange(k.timeline(orderId), 0, -1)).map((text) => JSON.parse(text) as TimelineEntry);
    },

    /** Where the ledger of an order's partition was sealed to; null while nothing of it is. */
    async ledgerHead(orderId: string): Promise<LedgerHead | null> {
      const k = ofPartition(orderId);
      const head = k === null ? null : await readHead(redis, k.sealed);
      return head && { segment: head.number, sha256: head.hash, upTo: head.last };
    },

    /** Commits a plan, or (without one) remembers an answer that changes nothing. Throws a Fault where Redis cannot say. */
    async commit(commit: Commit): Promise<Committed> {
      const { partition, shopperId, answer } = commit;
      const k = keys.partition(partition);
      const callerId = answer?.callerId ?? shopperId;
      const scriptKeys = [
        k.ledger,
        k.outbox,
        k.outboxNumbers,
        k.lapses,
        k.totals,
        k.orderDues,
        k.paymentDues,
        k.accounts,
        k.account(shopperId),
        k.holds(shopperId),
        k.abandoned(shopperId),
        k.answers(callerId),
        k.answersOrder(callerId),
        k.answers(shopperId),
        k.answersOrder(shopperId),
        k.shopperOrders(shopperId),
      ];
      const text = planText(commit, scriptKeys);
      const [word, said, home] = (await moveOrders.run(redis, scriptKeys, [text])) as [string, string, string];
      switch (word) {
        case 'done':
          if (commit.plan !== null && commit.plan.announcements.length > 0) announced(k.outbox);
          // What does not arrive now is brought by the pools' own sweep.
          for (const poolId of home.split(',').filter(Boolean)) void carryHome(poolId, partition).catch(() => {});
          return { is: 'done', outcome: said };
        case 'remembered':
          return { is: 'remembered', outcome: said };
        case 'moved':
          return { is: 'moved' };
        case 'dry':
          return { is: 'dry', poolIds: said.split(' ') };
        case 'limit':
          return { is: 'limit', poolId: said };
        case 'stopped':
          return { is: 'stopped', poolId: said };
        case 'stale':
          throw new Fault('overloaded', { retryAfterMs: 500 });
        default:
          throw new Error(`${moveOrders.name} answered ${word}`);
      }
    },

    /** A shopper's holds by their ids, as they are kept; null for one that is not there. */
    async readHolds(shopperId: string, holdIds: readonly string[]): Promise<(ReadHold | null)[]> {
      const texts = await redis.hmget(keys.of(shopperId).holds(shopperId), ...holdIds);
      return texts.map((text, i) => (text === null ? null : holdFrom(holdIds[i] ?? '', text)));
    },
    async allHolds(shopperId: string): Promise<Hold[]> {
      const texts = await redis.hvals(keys.of(shopperId).holds(shopperId));
      return texts.map((text) => holdFrom('', text).hold);
    },
    /** Whether a hold that is gone lapsed; one that was let go, or never was, did not. */
    async lapsed(shopperId: string, holdId: string): Promise<boolean> {
      return (await redis.zscore(keys.of(shopperId).abandoned(shopperId), holdId)) !== null;
    },
    /** Lanterns that this shopper's energy has lit. */
    async level(shopperId: string): Promise<number> {
      return levelOf(Number((await redis.hget(keys.of(shopperId).energy(shopperId), 'energy')) ?? 0));
    },

    /** How often a shopper used each coupon, and how many uses lie free in the shopper's partition. */
    async couponCounts(shopperId: string, couponIds: readonly string[]): Promise<CouponCount[]> {
      if (couponIds.length === 0) return [];
      const k = keys.of(shopperId);
      const pipeline = redis.pipeline();
      for (const couponId of couponIds) {
        pipeline.hget(k.taken(couponPool(couponId)), shopperId);
        pipeline.hmget(k.slice(couponPool(couponId)), 'free', 'paused');
      }
      const found = ((await pipeline.exec()) ?? []).map(([error, value]) => {
        if (error) throw error;
        return value;
      });
      return couponIds.map((_, i) => {
        const [free, paused] = found[2 * i + 1] as (string | null)[];
        return { taken: Number(found[2 * i] ?? 0), sliceFree: Number(free ?? 0), stopped: paused === '1' };
      });
    },

    /** Puts a coupon's slice into every partition, with what home has granted each. */
    async stageCoupon(poolId: string, granted: readonly number[], nowMs: number): Promise<void> {
      await Promise.all(
        Array.from({ length: keys.partitions }, (_, p) => {
          const k = keys.partition(p);
          return stageCoupon.run(redis, [k.slice(poolId), k.ledger], [poolId, nowMs, granted[p] ?? 0]);
        }),
      );
    },

    /** Orders of a shopper (or, over all partitions, of a brand) placed before a moment, newest first, at most `max`. */
    async ordersOf(
      whose: { shopperId: string } | { brandId: string },
      beforeMs: number,
      max: number,
    ): Promise<KeptOrder[]> {
      const partitions =
        'shopperId' in whose
          ? [keys.partitionOf(whose.shopperId)]
          : Array.from({ length: keys.partitions }, (_, p) => p);
      const pages = await Promise.all(
        partitions.map(async (p) => {
          const k = keys.partition(p);
          const index = 'shopperId' in whose ? k.shopperOrders(whose.shopperId) : k.brandOrders(whose.brandId);
          const ids = await redis.zrevrangebyscore(index, `(${beforeMs}`, '-inf', 'LIMIT', 0, max);
          return (await readOrders(ids)).flatMap((kept) => kept ?? []);
        }),
      );
      return pages
        .flat()
        .toSorted((a, b) => b.order.placedAtMs - a.order.placedAtMs || (a.order.orderId < b.order.orderId ? -1 : 1))
        .slice(0, max);
    },

    /** What is due in a partition, the longest due first, each with the moment as Redis has it. */
    async due(partition: number, nowMs: number, max: number): Promise<{ id: string; score: string }[]> {
      const dues = keys.partition(partition).orderDues;
      const found = await redis.zrangebyscore(dues, '-inf', nowMs, 'WITHSCORES', 'LIMIT', 0, max);
      return found.flatMap((id, i) => (i % 2 === 0 ? [{ id, score: found[i + 1] ?? '' }] : []));
    },
    /** Looks at what is due again later, or never (null: nothing is left to be decided); made due anew meanwhile, it stays. */
    async moveDue(
      partition: number,
      { id, score }: { id: string; score: string },
      nextMs: number | null,
    ): Promise<void> {
      await moveDue.run(redis, [keys.partition(partition).orderDues], [id, score, nextMs ?? '']);
    },

    /** The state of the feed orders:mine. */
    async mine(shopperIds: readonly string[]) {
      return Promise.all(
        shopperIds.map(async (shopperId) => {
          const k = keys.of(shopperId);
          const [version, ids] = await Promise.all([
            redis.hget(k.account(shopperId), 'v'),
            redis.zrevrange(k.shopperOrders(shopperId), 0, fedOrdersMax - 1),
          ]);
          const orders = (await readOrders(ids)).flatMap((kept) => kept ?? []);
          return {
            version: Number(version ?? 0),
            orders: orders.map(({ order }) => ({
              orderId: order.orderId,
              version: order.version,
              state: order.state.is,
              paymentId: order.paymentId,
            })),
          };
        }),
      );
    },
  };
}

/** A hold is kept as "<request id of its claim> <1 if simulated> <JSON>". */
function holdFrom(holdId: string, text: string): ReadHold {
  return { holdId, text, hold: JSON.parse(text.slice(text.indexOf('{'))) as Hold };
}
