import { readFileSync } from 'node:fs';

/**
 * The redis-server to run: the one that set-up found or unpacked (it writes down where, beside the installed packages),
 * else whatever PATH has under that name, which fails in words at the start if there is none.
 */
export function redisBinary(): string {
  const written = new URL('../../../../node_modules/.cache/elevens/tools.json', import.meta.url);
  let text: string;
  try {
    text = readFileSync(written, 'utf8');
  } catch {
    // Set-up has not run in this tree: PATH is the only place left to look.
    return 'redis-server';
  }
  const tools = JSON.parse(text) as { redis?: { binary?: unknown } };
  const binary = tools.redis?.binary;
  return typeof binary === 'string' ? binary : 'redis-server';
}
