import { readFile, stat } from 'node:fs/promises';
import { type Festival, readFestival } from '@elevens/shared/src/catalogue/festival.ts';
import type { Problem } from '@elevens/shared/src/faults.ts';

/** Eight kinds of 2,000 records of half a kilobyte fit several times over. */
const fileBytesMax = 32 * 1024 * 1024;

/** A festival file cannot be used. `message` lists every problem by its path, worded for the terminal. */
export class FestivalFileError extends Error {
  readonly problems: readonly Problem[];
  constructor(path: string, problems: readonly Problem[], cause?: unknown) {
    const lines = problems.map((p) => `  - ${p.path === '' ? '' : `${p.path}: `}${p.message}`);
    super(`The festival file ${path} cannot be used:\n${lines.join('\n')}`, { cause });
    this.name = 'FestivalFileError';
    this.problems = problems;
  }
}

/** Reads and checks a festival file. Throws a FestivalFileError that names every problem. */
export async function readFestivalFile(path: string): Promise<Festival> {
  let json: unknown;
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) throw new RangeError(`it is larger than ${fileBytesMax / 1024 / 1024} MB`);
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FestivalFileError(path, [{ path: '', message }], cause);
  }
  const read = readFestival(json);
  if (!read.ok) throw new FestivalFileError(path, read.problems);
  return read.festival;
}
