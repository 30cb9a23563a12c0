import { createHash } from 'node:crypto';
import { access, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { Redis } from 'ioredis';
import { followLedger, type LedgerFollower, type LedgerLine, linesOf, linesPerRound, pageLines } from './ledger.ts';
import { defineScript } from './scripts.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);
const moveHeadScript = defineScript(new URL('./move-head.lua', import.meta.url));

/**
 * A segment is a stretch of one partition's ledger as a file: `<number>-<first line>-<last line>.jsonl.gz`. The first line of it is the
 * header, then one entry of the stream a line, `[id, field, value, ...]`, as Redis had it, and at the end the balances there. Its
 * hash is SHA-256 over the hash of the segment before, a line feed, and the file's text; the hash of the last one, the head, is kept in Redis
 * (CONSISTENCY.md 27, 28). The same lines after the same segment make the same text, whoever seals them.
 */
export interface SegmentHeader {
  format: typeof segmentFormat;
  festival: string;
  partition: number;
  segment: number;
  /** Hash of the segment before; empty for the first. */
  previous: string;
  /** The last entry of the segment before; 0-0 for the first. */
  after: string;
  from: string;
  to: string;
  /** Entries of the stream, and the lines in them: claims that were decided together are one entry. */
  entries: number;
  lines: number;
}
export const segmentFormat = 'elevens ledger segment 1';

/** An entry of the stream as Redis has it. */
export type LedgerEntry = [id: string, ...flat: string[]];

/** Sums over a ledger that a segment ends with: the same lines make the same sums, which are plain JSON in a fixed order. */
export interface Balances {
  fold(line: LedgerLine): void;
  told(): unknown;
}
/** Begins with what `told` gave before, or with nothing. */
export type MakeBalances = (from: unknown) => Balances;

/** The last segment of a partition, as Redis knows it. */
export interface SealedHead {
  number: number;
  hash: string;
  name: string;
  /** The last entry that is sealed. */
  last: string;
  /** Sealed in all. */
  entries: number;
  lines: number;
  atMs: number;
}

/** Text of a segment that is read from disk at most; those that are written have a fraction of it. */
const textBytesMax = 256 * 1024 * 1024;
/** A file that was begun and not finished is left behind by a process that was killed; a living one takes seconds. */
const unfinishedMs = 3_600_000;
const unfinished = '.unfinished';

export const segmentFolder = ({ dataDir, festival, p }: { dataDir: string; festival: string; p: number }) =>
  join(dataDir, 'ledger', festival, `p${p}`);

export const segmentName = ({ segment, from, to }: Pick<SegmentHeader, 'segment' | 'from' | 'to'>) =>
  `${String(segment).padStart(6, '0')}-${from}-${to}.jsonl.gz`;

/** The hash by which the next segment is tied to this one. */
export function segmentHash(previous: string, text: Buffer): string {
  return createHash('sha256').update(`${previous}\n`).update(text).digest('hex');
}

/** Where a ledger was sealed to; null before the first segment. */
export async function readHead(redis: Redis, sealedKey: string): Promise<SealedHead | null> {
  const [number, hash, name, last, entries, lines, at] = await redis.hmget(
    sealedKey,
    'number',
    'hash',
    'name',
    'last',
    'entries',
    'lines',
    'at',
  );
  if (!number) return null;
  return {
    number: Number(number),
    hash: hash ?? '',
    name: name ?? '',
    last: last ?? '0-0',
    entries: Number(entries),
    lines: Number(lines),
    atMs: Number(at),
  };
}

/** The balances at the head, as JSON; null before the first segment. */
export const readHeadBalances = (redis: Redis, sealedKey: string) => redis.hget(sealedKey, 'balances');

/** Makes a segment the head, if the one before it still is; says whether it did. */
export async function moveHead(
  redis: Redis,
  sealedKey: string,
  { before, next, balances }: { before: SealedHead | null; next: SealedHead; balances: string },
): Promise<boolean> {
  const { number, hash, name, last, entries, lines, atMs } = next;
  const args = [before?.number ?? 0, before?.hash ?? '', number, hash, name, last, entries, lines, atMs, balances];
  return (await moveHeadScript.run(redis, [sealedKey], args)) === 'moved';
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder, and makes sure that it is still there after a power loss. */
async function keepFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Writes a segment whole or not at all: what bears its name is on disk in full. */
export async function writeSegment(
  folder: string,
  { name, text, token }: { name: string; text: Buffer; token: string },
): Promise<number> {
  await keepFolder(folder);
  const zipped = await zip(text);
  const begun = join(folder, `.${name}.${token}${unfinished}`);
  const handle = await open(begun, 'wx');
  try {
    await handle.writeFile(zipped);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(begun, join(folder, name));
  await syncFolder(folder);
  return zipped.length;
}

/** Clears away what processes that were killed had begun to write. */
export async function clearUnfinished(folder: string, nowMs: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(unfinished)) continue;
    const file = join(folder, name);
    const begunMs = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => nowMs,
    );
    if (nowMs - begunMs > unfinishedMs) await rm(file, { force: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export const hasSegment = (folder: string, name: string) =>
  access(join(folder, name)).then(
    () => true,
    () => false,
  );

/** The text of a segment. Rejects when there is none or it cannot be unpacked. */
export async function readSegment(folder: string, name: string): Promise<Buffer> {
  return unzip(await readFile(join(folder, name)), { maxOutputLength: textBytesMax });
}

export const segmentText = (header: SegmentHeader, entries: readonly string[], balances: string): Buffer =>
  Buffer.from(`${JSON.stringify(header)}\n${entries.join('\n')}\n{"balances":${balances}}\n`);

function headerOf(text: Buffer): SegmentHeader | null {
  try {
    const header = JSON.parse(text.subarray(0, text.indexOf('\n')).toString()) as SegmentHeader;
    return header.format === segmentFormat && typeof header.previous === 'string' ? header : null;
  } catch {
    return null;
  }
}

/** A segment as the head and the segments behind it say that it should be, and what there is of it. */
export type ChainLink =
  | { is: 'whole'; number: number; name: string; hash: string; header: SegmentHeader }
  | { is: 'changed'; number: number; name: string; why: string }
  | { is: 'missing'; number: number };

/**
 * Goes back from the head to the first segment, each by the hash that the one behind it has of it; answers them in order. Files of the folder
 * that are no part of this chain are counted: a process that was killed between a file and its head leaves one.
 */
export async function readChain(
  folder: string,
  { head, festival, p }: { head: SealedHead | null; festival: string; p: number },
): Promise<{ links: ChainLink[]; beside: number }> {
  const byNumber = new Map<number, string[]>();
  let files = 0;
  for (const name of (await namesIn(folder)).toSorted()) {
    const number = /^(\d{6,})-\d+-\d+-\d+-\d+\.jsonl\.gz$/.exec(name)?.[1];
    if (number === undefined) continue;
    files++;
    byNumber.set(Number(number), [...(byNumber.get(Number(number)) ?? []), name]);
  }

  const links: ChainLink[] = [];
  /** The hash that the segment must have; null where the one behind it cannot say. */
  let expected = head?.hash ?? null;
  let behind: SegmentHeader | null = null;
  for (let number = head?.number ?? 0; number >= 1; number--) {
    let link: ChainLink = { is: 'missing', number };
    let previous: string | null = null;
    for (const name of byNumber.get(number) ?? []) {
      const text = await readSegment(folder, name).catch((error: unknown) => String(error));
      const header = typeof text === 'string' ? null : headerOf(text);
      if (typeof text === 'string' || header === null) {
        if (link.is === 'missing')
          link = { is: 'changed', number, name, why: typeof text === 'string' ? text : 'it has no header' };
        continue;
      }
      const hash = segmentHash(header.previous, text);
      const own = header.festival === festival && header.partition === p && segmentName(header) === name;
      const tied = expected === null || hash === expected;
      if (own && tied && (behind === null || behind.after === header.to)) {
        link = { is: 'whole', number, name, hash, header };
        previous = header.previous;
        behind = header;
        break;
      }
      const why = own
        ? `its SHA-256 is ${hash}, and ${expected} was sealed`
        : `it says of itself that it is segment ${header.segment} of partition ${header.partition} of ${header.festival}, ${header.from} to ${header.to}`;
      link = { is: 'changed', number, name, why };
      previous = own ? header.previous : null;
    }
    if (link.is !== 'whole') behind = null;
    expected = previous;
    links.push(link);
  }
  const inChain = links.filter(({ is }) => is !== 'missing').length;
  return { links: links.toReversed(), beside: files - inChain };
}

/** The entries of a whole segment, and the balances it ends with. Rejects when it was changed since the chain was read. */
export async function entriesOf(
  folder: string,
  { name, hash, header }: Extract<ChainLink, { is: 'whole' }>,
): Promise<{ entries: LedgerEntry[]; balances: string }> {
  const text = await readSegment(folder, name);
  if (segmentHash(header.previous, text) !== hash) throw new Error(`${join(folder, name)} changed while it was read`);
  const rows = text.toString().trimEnd().split('\n');
  const last = rows.at(-1) ?? '';
  return {
    entries: rows.slice(1, -1).map((row) => JSON.parse(row) as LedgerEntry),
    balances: last.slice('{"balances":'.length, -1),
  };
}

/** What of a ledger is on disk, and what of it has to come from Redis because it is not. */
export type SealedPart =
  | { from: 'disk'; link: Extract<ChainLink, { is: 'whole' }> }
  | { from: 'redis'; after: string; to: string };

export function sealedParts(links: readonly ChainLink[], head: SealedHead | null): SealedPart[] {
  const parts: SealedPart[] = [];
  let upTo = '0-0';
  for (const link of links) {
    if (link.is !== 'whole') continue;
    const { after, to } = link.header;
    if (after !== upTo) parts.push({ from: 'redis', after: upTo, to: after });
    parts.push({ from: 'disk', link });
    upTo = to;
  }
  if (head !== null && upTo !== head.last) parts.push({ from: 'redis', after: upTo, to: head.last });
  return parts;
}

/** The entries of a stretch of a ledger as Redis has them, page by page. */
export async function* entriesInRedis(
  redis: Redis,
  ledger: string,
  { after, to, perPage = pageLines }: { after: string; to: string; perPage?: number },
): AsyncGenerator<[id: string, flat: string[]][]> {
  for (let from = after; ; ) {
    const page = await redis.xrange(ledger, `(${from}`, to, 'COUNT', perPage);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < perPage) return;
    from = last[0];
  }
}

/** Follows a ledger from its first line: what is sealed and whole from disk, the rest from Redis. */
export function followSealed({
  redis,
  ledger,
  folder,
  links,
  head,
}: {
  redis: Redis;
  ledger: string;
  folder: string;
  links: readonly ChainLink[];
  head: SealedHead | null;
}): LedgerFollower {
  const parts = sealedParts(links, head);
  const tail = followLedger(redis, ledger, head?.last);
  let next = 0;
  return {
    caughtUp: () => next >= parts.length && tail.caughtUp(),
    async catchUp() {
      const lines: LedgerLine[] = [];
      for (let part = parts[next]; part !== undefined && lines.length < linesPerRound; part = parts[next]) {
        if (part.from === 'disk') {
          const { entries } = await entriesOf(folder, part.link);
          for (const [id, ...flat] of entries) lines.push(...linesOf(id, flat));
        } else {
          for await (const page of entriesInRedis(redis, ledger, part))
            for (const [id, flat] of page) lines.push(...linesOf(id, flat));
        }
        next++;
      }
      if (next >= parts.length && lines.length < linesPerRound) lines.push(...(await tail.catchUp()));
      return lines;
    },
  };
}
