import type { Law, Wall } from '@elevens/shared/src/control/contract.ts';
import { adrift } from './laws.ts';
import { type NodeTrouble, nodeTrouble, type RedisTrouble, redisTrouble } from './machines.ts';

/** What an operator should look at now; one thing at a time, the gravest. */
export type Alarm =
  | { is: 'law'; law: Law; others: number }
  | { is: 'redis'; name: string; trouble: RedisTrouble; durability: string; pingMs: number }
  | { is: 'stopped'; atMs: number }
  | { is: 'unknown'; law: Law; sinceMs: number }
  | { is: 'node'; node: string; trouble: NodeTrouble; others: number }
  | { is: 'none' };

/** A broken law comes before old figures: it was found, and nothing since has said otherwise. */
export function alarmOf(wall: Wall, old: boolean): Alarm {
  const [law, ...others] = adrift(wall);
  if (law !== undefined) return { is: 'law', law, others: others.length };
  if (old) return { is: 'stopped', atMs: wall.atMs };
  for (const server of wall.redis) {
    const trouble = redisTrouble(server);
    if (trouble !== null)
      return { is: 'redis', name: server.name, trouble, durability: server.durability, pingMs: server.pingMs };
  }
  const unknown = wall.laws.find((found) => found.state === 'unknown');
  if (unknown !== undefined) return { is: 'unknown', law: unknown, sinceMs: unknown.sinceMs };
  const troubled = wall.nodes.flatMap((node) => {
    const trouble = nodeTrouble(node);
    return trouble === null ? [] : [{ node: node.node, trouble }];
  });
  const [first] = troubled;
  return first === undefined ? { is: 'none' } : { is: 'node', ...first, others: troubled.length - 1 };
}
