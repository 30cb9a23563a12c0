import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * The till's memory on disk: one line of JSON for each thing as it is now; the last line about a thing counts. What is
 * written together shares one fsync, so a crowd costs the disk no more than its slowest member.
 */
export interface Journal {
  /** Queues a line; `durable` says when it is kept. */
  write(line: object): void;
  /** Resolves when everything written so far is on disk; rejects when the disk failed, now and ever after. */
  durable(): Promise<void>;
  close(): Promise<void>;
}

/** The file is written anew when it has grown by this much since, and is mostly about things that changed later. */
const growthBytesMax = 32 * 1024 * 1024;

/** Reads what is kept. A last line without its end was never acknowledged, and is left out. */
export function readJournal(file: string): unknown[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as unknown;
    } catch (cause) {
      throw new Error(`${file}: line ${i + 1} cannot be read; put the file aside to begin anew`, { cause });
    }
  });
}

/** Replaces the file by what is true now, so that a crash leaves either the old one or the new one. */
function writeAnew(file: string, things: Iterable<object>): number {
  const text = [...things].map((thing) => `${JSON.stringify(thing)}\n`).join('');
  writeFileSync(`${file}.new`, text, { flush: true });
  renameSync(`${file}.new`, file);
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return Buffer.byteLength(text);
}

/** Opens the journal for writing; `everything` yields what is true now, from which it is written anew. */
export async function openJournal(file: string, everything: () => Iterable<object>): Promise<Journal> {
  let kept = writeAnew(file, everything());
  let grown = 0;
  let handle: FileHandle = await open(file, 'a');
  let queue: string[] = [];
  let broken: unknown;
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.join('');
      queue = [];
      await handle.appendFile(batch);
      await handle.datasync();
      grown += Buffer.byteLength(batch);
      if (grown < growthBytesMax || grown < 3 * kept) continue;
      await handle.close();
      // What is still queued says nothing newer than this does, so it may come after it.
      kept = writeAnew(file, everything());
      grown = 0;
      handle = await open(file, 'a');
    }
  }

  function durable(): Promise<void> {
    if (broken !== undefined) return Promise.reject(broken);
    if (writing !== null) return queue.length === 0 ? writing : writing.then(durable);
    if (queue.length === 0) return Promise.resolve();
    writing = writeAll()
      .catch((error: unknown) => {
        broken = error;
        throw error;
      })
      .finally(() => {
        writing = null;
      });
    return writing;
  }

  return {
    write(line) {
      queue.push(`${JSON.stringify(line)}\n`);
    },
    durable,
    async close() {
      await durable();
      await handle.close();
    },
  };
}

/** For tests and rehearsals that need no memory. */
export function createForgetfulJournal(): Journal {
  return { write: () => {}, durable: () => Promise.resolve(), close: () => Promise.resolve() };
}
