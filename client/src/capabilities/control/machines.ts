import type { WallNode, WallRedis } from '@elevens/shared/src/control/contract.ts';

/** Commands of others wait this long behind one turn of the loop: people begin to notice above a tenth of a second. */
const lagWatchMs = 100;
/** Above this a burst has no room left on the core. */
const cpuWatchShare = 0.85;
/** A quarter of what a node may owe its viewers before it cuts off the largest debtor. */
const queueWatchBytes = 64 * 1_048_576;
/** A round trip to Redis on the same site takes well under a millisecond. */
const pingWatchMs = 50;

export type NodeTrouble = 'draining' | 'queue' | 'lag' | 'cpu';

/** What to watch on a node, the gravest first; null while it is fine. */
export function nodeTrouble(node: WallNode): NodeTrouble | null {
  if (node.draining) return 'draining';
  if (node.queueBytes > queueWatchBytes) return 'queue';
  if (node.loopLagMs > lagWatchMs) return 'lag';
  if (node.cpuShare > cpuWatchShare) return 'cpu';
  return null;
}

export type RedisTrouble = 'unsafe' | 'slow';

export function redisTrouble(redis: WallRedis): RedisTrouble | null {
  if (!redis.ok) return 'unsafe';
  return redis.pingMs > pingWatchMs ? 'slow' : null;
}
