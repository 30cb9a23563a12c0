import slotOf from 'cluster-key-slot';

/**
 * Every key of Redis, in one place. The part in braces is the hash tag: what one script decides lies under one tag, so
 * it is on one slot of a cluster. Tags: a partition (people, their holds, packets, energy, money and its slice of every
 * pool), a live session, the catalogue, the people's office (staff, revocations) and the desk (presence, leases, laws).
 */

const SLOTS = 16_384;

/**
 * The tag of partition k, salted so that its slot is floor((k + 1/2) x 16384 / P): partitions lie evenly over any
 * number of masters. The salt is the smallest that does it, so every node computes the same one.
 */
export function partitionTag(festival: string, partition: number, partitions: number): string {
  const wanted = Math.floor(((partition + 0.5) * SLOTS) / partitions);
  for (let salt = 0; ; salt++) {
    const tag = `${festival}:p${partition}:${salt}`;
    if (slotOf(tag) === wanted) return `{${tag}}`;
  }
}

/** 32-bit FNV-1a: spreads ids evenly and is the same in every language. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

function partitionKeys(tag: string) {
  return {
    tag,
    // What happened, one line for every change of stock, money or energy.
    ledger: `${tag}:ledger`,
    // How far the ledger was sealed into segments on disk: number and hash of the last one, its last line, the balances there.
    sealed: `${tag}:sealed`,
    sealerLease: `${tag}:sealed:lease`,
    totals: `${tag}:totals`,
    // Announced events for other tags, numbered by destination, and how far this tag has applied those of others.
    outbox: `${tag}:outbox`,
    outboxNumbers: `${tag}:outbox:numbers`,
    cursors: `${tag}:cursors`,
    // Answers that are given again, by requestId; order says which may be forgotten.
    answers: (shopperId: string) => `${tag}:answers:${shopperId}`,
    answersOrder: (shopperId: string) => `${tag}:answers-order:${shopperId}`,
    // A pool of units (`deal:<dealId>`, `coupon:<couponId>`): what its home keeps, who waits there, and this tag's slice.
    pools: `${tag}:pools`,
    pool: (poolId: string) => `${tag}:pool:${poolId}`,
    poolWaiting: (poolId: string) => `${tag}:pool-waiting:${poolId}`,
    slice: (poolId: string) => `${tag}:${poolId}`,
    // Units of a pool taken by shopper: of a deal's limit, of a coupon's uses.
    taken: (poolId: string) => `${tag}:taken:${poolId}`,
    // Deals by when they close; a deal's slice and what shoppers took of it.
    deals: `${tag}:deals`,
    deal: (dealId: string) => `${tag}:deal:${dealId}`,
    dealTaken: (dealId: string) => `${tag}:taken:deal:${dealId}`,
    // Holds by shopper, holds by when they lapse, and when a shopper last let holds lapse without paying.
    holds: (shopperId: string) => `${tag}:holds:${shopperId}`,
    lapses: `${tag}:lapses`,
    abandoned: (shopperId: string) => `${tag}:abandoned:${shopperId}`,
    // Orders and payments: their documents, an order's timeline, a shopper's and a brand's orders by time, what is due when.
    order: (orderId: string) => `${tag}:order:${orderId}`,
    timeline: (orderId: string) => `${tag}:timeline:${orderId}`,
    payment: (paymentId: string) => `${tag}:payment:${paymentId}`,
    shopperOrders: (shopperId: string) => `${tag}:orders:${shopperId}`,
    brandOrders: (brandId: string) => `${tag}:brand-orders:${brandId}`,
    orderDues: `${tag}:order-dues`,
    paymentDues: `${tag}:payment-dues`,
    paymentInbox: `${tag}:payment-inbox`,
    paymentInboxDue: `${tag}:payment-inbox:due`,
    // Money: all accounts of this partition, and each shopper's own part of the account `shoppers`.
    accounts: `${tag}:accounts`,
    account: (shopperId: string) => `${tag}:account:${shopperId}`,
    // Red packets: terms and counts, amounts still unopened, who opened what; a shopper's wallet and last packets.
    drops: `${tag}:drops`,
    drop: (dropId: string) => `${tag}:drop:${dropId}`,
    dropSeed: (dropId: string) => `${tag}:drop-seed:${dropId}`,
    dropAmounts: (dropId: string) => `${tag}:drop-amounts:${dropId}`,
    dropOpened: (dropId: string) => `${tag}:drop-opened:${dropId}`,
    wallet: (shopperId: string) => `${tag}:wallet:${shopperId}`,
    packets: (shopperId: string) => `${tag}:packets:${shopperId}`,
    // Energy: the sum, the tasks done (score: when their window closes), the last credits.
    energy: (shopperId: string) => `${tag}:energy:${shopperId}`,
    energyDone: (shopperId: string) => `${tag}:energy-done:${shopperId}`,
    energyHistory: (shopperId: string) => `${tag}:energy-history:${shopperId}`,
    /** The doorbell of a feed: sharded pub/sub under the same tag as what it tells of. */
    bell: (feed: string, id: string) => `${tag}:bell:${feed}:${id}`,
  };
}

function liveKeys(tag: string) {
  return {
    tag,
    chat: `${tag}:chat`,
    chatMeta: `${tag}:chat:meta`,
    /** People in the room: a hash of node -> "<count> <when>". */
    people: `${tag}:people`,
    answers: (shopperId: string) => `${tag}:answers:${shopperId}`,
    answersOrder: (shopperId: string) => `${tag}:answers-order:${shopperId}`,
    outbox: `${tag}:outbox`,
    outboxNumbers: `${tag}:outbox:numbers`,
    bell: (feed: string, id: string) => `${tag}:bell:${feed}:${id}`,
  };
}

function catalogueKeys(tag: string) {
  return {
    tag,
    meta: `${tag}:meta`,
    /** What is fixed when the festival is created: a hash of setting -> value. */
    fixed: `${tag}:fixed`,
    changes: `${tag}:changes`,
    /** What the festival file said of each record when it was last loaded: a hash of kind:id -> hash of the record. */
    fileHashes: `${tag}:file-hashes`,
    /** redis-om keeps a record in a hash named `<prefix>:<id>`. */
    recordPrefix: (kind: string) => `${tag}:record:${kind}`,
    record: (kind: string, id: string) => `${tag}:record:${kind}:${id}`,
    index: (kind: string) => `${tag}:index:${kind}`,
    answers: (personId: string) => `${tag}:answers:${personId}`,
    answersOrder: (personId: string) => `${tag}:answers-order:${personId}`,
    /** Rung for viewers of catalogue:version, and for the nodes, which listen whether or not they have viewers. */
    bell: `${tag}:bell`,
    nodesBell: `${tag}:nodes-bell`,
  };
}

function peopleKeys(tag: string) {
  return {
    tag,
    staff: (name: string) => `${tag}:staff:${name}`,
    signInFailures: (name: string) => `${tag}:sign-in-failures:${name}`,
    /** What was revoked: a hash of person -> JSON, followed by every node. */
    revoked: `${tag}:revoked`,
    secrets: `${tag}:secrets`,
    profile: (shopperId: string) => `${tag}:profile:${shopperId}`,
    answers: (personId: string) => `${tag}:answers:${personId}`,
    answersOrder: (personId: string) => `${tag}:answers-order:${personId}`,
    bell: `${tag}:bell`,
  };
}

function deskKeys(tag: string) {
  return {
    tag,
    nodes: `${tag}:nodes`,
    totals: `${tag}:totals`,
    lease: (name: string) => `${tag}:lease:${name}`,
    wall: `${tag}:wall`,
    points: `${tag}:points`,
    laws: `${tag}:laws`,
    /** Written before each WAIT, as its mark in the line of replication. */
    confirmed: `${tag}:confirmed`,
    bell: (feed: string, id: string) => `${tag}:bell:${feed}:${id}`,
  };
}

export type PartitionKeys = ReturnType<typeof partitionKeys>;
export type LiveKeys = ReturnType<typeof liveKeys>;

export interface Keyspace {
  festival: string;
  partitions: number;
  partitionOf(shopperId: string): number;
  /** The partition that is home to a pool: it alone grants units and says that there are none left. */
  homeOf(poolId: string): number;
  partition(k: number): PartitionKeys;
  /** The keys of the partition that this person belongs to. */
  of(shopperId: string): PartitionKeys;
  live(sessionId: string): LiveKeys;
  catalogue: ReturnType<typeof catalogueKeys>;
  people: ReturnType<typeof peopleKeys>;
  desk: ReturnType<typeof deskKeys>;
}

export function createKeyspace({ festival, partitions }: { festival: string; partitions: number }): Keyspace {
  const byPartition = Array.from({ length: partitions }, (_, k) =>
    partitionKeys(partitionTag(festival, k, partitions)),
  );
  const partition = (k: number) => {
    const keys = byPartition[k];
    if (keys === undefined) throw new RangeError(`no partition ${k} of ${partitions}`);
    return keys;
  };
  const partitionOf = (shopperId: string) => (partitions === 1 ? 0 : hashOf(shopperId) % partitions);
  return {
    festival,
    partitions,
    partitionOf,
    homeOf: partitionOf,
    partition,
    of: (shopperId) => partition(partitionOf(shopperId)),
    live: (sessionId) => liveKeys(`{${festival}:live:${sessionId}}`),
    catalogue: catalogueKeys(`{${festival}:catalogue}`),
    people: peopleKeys(`{${festival}:people}`),
    desk: deskKeys(`{${festival}:desk}`),
  };
}

/** The hash tag of a key, as Redis Cluster reads it: between the first brace and the next closing one. */
export function tagOf(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close);
}
