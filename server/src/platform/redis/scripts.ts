import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../fault.ts';
import { tagOf } from './keyspace.ts';

/** What scripts need of a Redis connection. */
export interface ScriptConnection {
  evalsha(sha: string, keyCount: number, ...rest: (string | number | Buffer)[]): Promise<unknown>;
  eval(text: string, keyCount: number, ...rest: (string | number | Buffer)[]): Promise<unknown>;
}

/** One decision of Redis: a Lua file, loaded once, called by its hash. */
export interface Script {
  name: string;
  /**
   * Runs the script. All keys must lie under one hash tag.
   * Throws a Fault `unavailable` when the call was not sent, `unknown` when its answer was lost, and a ScriptError
   * (a bug) with file and line when the Lua itself failed.
   */
  run(
    connection: ScriptConnection,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown>;
}

/** The Lua of a decision failed: file and line are those of the source, includes counted. */
export class ScriptError extends Error {
  readonly file: string;
  readonly line: number;
  constructor(file: string, line: number, message: string, cause: unknown) {
    super(`${file}:${line}: ${message}`, { cause });
    this.name = 'ScriptError';
    this.file = file;
    this.line = line;
  }
}

interface Source {
  text: string;
  /** For each line of the text sent, the file and line it came from. */
  origin: { file: string; line: number }[];
}

const INCLUDE = /^-- @include (\S+)$/;
const includesDeepMax = 4;

/** Reads a Lua file and puts in the text of each `-- @include path` (relative to the file), once each. */
function readSource(path: string, seen: Set<string>, depth: number): Source {
  if (depth > includesDeepMax) throw new Error(`${path}: includes are nested deeper than ${includesDeepMax}`);
  const origin: Source['origin'] = [];
  const lines: string[] = [];
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const included = INCLUDE.exec(line)?.[1];
    if (included === undefined) {
      lines.push(line);
      origin.push({ file: basename(path), line: index + 1 });
      continue;
    }
    const target = fileURLToPath(new URL(included, `file://${path}`));
    if (seen.has(target)) continue;
    seen.add(target);
    const inner = readSource(target, seen, depth + 1);
    lines.push(...inner.text.split('\n'));
    origin.push(...inner.origin);
  }
  return { text: lines.join('\n'), origin };
}

/**
 * What ioredis and Redis say of a command that was not run. "Connection is closed" is not among them: it is said of
 * commands in flight as well, so such a one may have been run.
 */
const NOT_SENT =
  /enableOfflineQueue|isn't writeable|LOADING|BUSY |READONLY|MASTERDOWN|CLUSTERDOWN|max number of clients/;

/** What ioredis throws when the connection, and not Redis, failed a command. */
const CONNECTION =
  /enableOfflineQueue|isn't writeable|Connection is closed|max retries per request|Command timed out|ECONN|EPIPE|ENOENT/;

/** Whether a plain command failed because Redis could not be reached or cannot serve now; anything else is a bug. */
export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error.name === 'ReplyError' ? NOT_SENT : CONNECTION).test(error.message);
}

/** Turns an error of the connection into the fault that says whether something may have been done. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Fault(NOT_SENT.test(message) ? 'unavailable' : 'unknown', { cause: error });
}

/** Whether Redis itself answered with an error, rather than the connection failing. */
function answeredByRedis(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Loads a decision. `url` is `new URL('./claim-units.lua', import.meta.url)`. Reading happens once, at composition, so a
 * missing file or include stops the start and not the first sale.
 */
export function defineScript(url: URL): Script {
  const path = fileURLToPath(url);
  const source = readSource(path, new Set([path]), 0);
  const sha = createHash('sha1').update(source.text).digest('hex');
  const name = basename(path, '.lua');
  return {
    name,
    async run(connection, keys, args) {
      const first = keys[0];
      if (first === undefined) throw new Error(`${name}: a script needs at least one key`);
      const tag = tagOf(first);
      const stray = keys.find((key) => tagOf(key) !== tag);
      if (stray !== undefined) throw new Error(`${name}: key ${stray} is outside the tag {${tag}}`);
      try {
        try {
          return await connection.evalsha(sha, keys.length, ...keys, ...args);
        } catch (error) {
          // A restarted or failed-over Redis has forgotten its scripts; sending the text loads it again.
          if (!answeredByRedis(error) || !error.message.startsWith('NOSCRIPT')) throw error;
          return await connection.eval(source.text, keys.length, ...keys, ...args);
        }
      } catch (error) {
        if (!answeredByRedis(error) || NOT_SENT.test(error.message)) throw faultOf(error);
        const sentLine = Number(/user_script:(\d+):/.exec(error.message)?.[1] ?? 1);
        const at = source.origin[sentLine - 1] ?? { file: `${name}.lua`, line: sentLine };
        const said = error.message
          .replace(/^ERR\s+/, '')
          .replace(/user_script:\d+:\s*/, '')
          .replace(/\s*script: [0-9a-f]{40}.*$/, '');
        throw new ScriptError(at.file, at.line, said, error);
      }
    },
  };
}
