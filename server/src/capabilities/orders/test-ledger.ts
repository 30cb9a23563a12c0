import type { Redis } from '../../platform/redis/connections.ts';
import type { Keyspace } from '../../platform/redis/keyspace.ts';
import { linesOf } from '../../platform/redis/ledger.ts';

/**
 * Counts the money of a festival a second time, from its ledgers alone, and answers each difference in words: postings of
 * every line sum to nothing, accounts and shoppers' accounts are what their lines add up to, and only receipt pays a seller.
 */
export async function orderLedger(redis: Redis, keys: Keyspace): Promise<string[]> {
  const found: string[] = [];
  for (let partition = 0; partition < keys.partitions; partition++) {
    const k = keys.partition(partition);
    const sums = new Map<string, bigint>();
    const shoppers = new Map<string, bigint>();
    const entries = await redis.xrange(k.ledger, '-', '+');
    for (const { id, fields } of entries.flatMap(([entryId, flat]) => linesOf(entryId, flat))) {
      if (!fields['e']?.startsWith('order-')) continue;
      let total = 0n;
      for (const post of (fields['post'] ?? '').split(';').filter(Boolean)) {
        const [account = '', minor = '0'] = post.split(' ');
        total += BigInt(minor);
        sums.set(account, (sums.get(account) ?? 0n) + BigInt(minor));
        const shopperId = fields['shopper'] ?? '';
        if (account === 'shoppers') shoppers.set(shopperId, (shoppers.get(shopperId) ?? 0n) + BigInt(minor));
        if (account.startsWith('seller:') && BigInt(minor) > 0n && fields['e'] !== 'order-received')
          found.push(`${id} ${fields['e']} pays ${account}`);
      }
      if (total !== 0n) found.push(`${id} posts ${total}`);
    }
    const accounts = await redis.hgetall(k.accounts);
    for (const name of new Set([...sums.keys(), ...Object.keys(accounts).filter((field) => !field.endsWith('@at'))])) {
      if (BigInt(accounts[name] ?? 0) !== (sums.get(name) ?? 0n))
        found.push(`${name}: the ledger says ${sums.get(name)}, kept is ${accounts[name]}`);
    }
    for (const [shopperId, minor] of shoppers) {
      const kept = await redis.hget(k.account(shopperId), 'minor');
      if (BigInt(kept ?? 0) !== minor) found.push(`${shopperId}: the ledger says ${minor}, kept is ${kept}`);
    }
  }
  return found;
}
