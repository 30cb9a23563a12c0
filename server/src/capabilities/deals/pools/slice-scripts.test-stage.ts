import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineScript, type Script } from '../../../platform/redis/scripts.ts';

/**
 * What the scripts of claims, coupons and orders do with pool.lua, alone: for tests of pools that need slices, but no deals.
 * All take the slice as KEYS 1.
 */
export interface SliceScripts {
  /** Makes the slice. */
  open: Script;
  /**
   * KEYS 2 ledger; ARGV 1 pool id  2 now  3 units granted in all (0: nothing new)  4 quantity (0: only the grant).
   * Answers 1 if it was served.
   */
  claim: Script;
  /** ARGV 1 quantity that was held. Answers 1 if it is on its way home. */
  giveBack: Script;
  close(): void;
}

export function defineSliceScripts(): SliceScripts {
  const folder = mkdtempSync(join(tmpdir(), 'elevens-pools-'));
  const include = `-- @include ${fileURLToPath(new URL('./pool.lua', import.meta.url))}\n`;
  function define(name: string, body: string): Script {
    const path = join(folder, `${name}.lua`);
    writeFileSync(path, include + body);
    return defineScript(pathToFileURL(path));
  }
  return {
    open: define('open-alone', 'return open_slice(KEYS[1])'),
    claim: define(
      'claim-alone',
      `accept_grant(KEYS[1], ARGV[3], KEYS[2], ARGV[1], ARGV[2])
if ARGV[4] == '0' then return 1 end
if tonumber(redis.call('HGET', KEYS[1], 'free')) < tonumber(ARGV[4]) then return 0 end
redis.call('HINCRBY', KEYS[1], 'free', -ARGV[4])
redis.call('HINCRBY', KEYS[1], 'held', ARGV[4])
return 1`,
    ),
    giveBack: define(
      'give-back-alone',
      `redis.call('HINCRBY', KEYS[1], 'held', -ARGV[1])
return give_back(KEYS[1], ARGV[1])`,
    ),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
