import { hash } from 'node:crypto';
import {
  type AnyRecord,
  brandOf,
  type Festival,
  type Lookup,
  type RecordKind,
  recordKinds,
  referencesOf,
} from '@elevens/shared/src/catalogue/festival.ts';
import type { Write } from './store.ts';

/** A record as a node holds it: checked, and with who wrote it last. */
export interface Held {
  record: AnyRecord;
  origin: 'file' | 'command';
}
export type HeldRecords = ReadonlyMap<RecordKind, ReadonlyMap<string, Held>>;

/** A short word for what a file says of a record; another word means that the file changed its mind. */
function fileHashOf(record: AnyRecord): string {
  return hash('sha256', JSON.stringify(record), 'base64url').slice(0, 22);
}

/**
 * What loading a file must write: only what the file says differently than when it was last loaded, so that what was
 * edited by commands since stays edited, and what was removed stays removed. Two exceptions keep references whole:
 * a record that the changed ones need comes back, and one that is still used is not taken out.
 */
export function planLoad(
  festival: Festival,
  { held, fileHashes }: { held: HeldRecords; fileHashes: ReadonlyMap<string, string> },
): Write[] {
  const inFile = new Map<string, { kind: RecordKind; record: AnyRecord }>();
  for (const kind of recordKinds) {
    for (const record of festival[kind] as readonly AnyRecord[]) inFile.set(`${kind}:${record.id}`, { kind, record });
  }

  const saved = new Map<string, { kind: RecordKind; record: AnyRecord }>();
  function save(key: string): void {
    const found = inFile.get(key);
    if (found === undefined || saved.has(key)) return;
    saved.set(key, found);
    for (const need of referencesOf(found.record)) {
      if (held.get(need.kind)?.has(need.id) !== true) save(`${need.kind}:${need.id}`);
    }
  }
  for (const [key, { record }] of inFile) {
    if (fileHashes.get(key) !== fileHashOf(record)) save(key);
  }

  const after: Lookup = (kind, id) => saved.get(`${kind}:${id}`)?.record ?? held.get(kind)?.get(id)?.record;
  const used = new Set<string>();
  const dropped = [...fileHashes.keys()].filter((key) => !inFile.has(key));
  const goes = new Set(dropped.filter((key) => originOf(key, held) === 'file'));
  // Users are looked at before what they use: a deal that goes frees its product.
  for (const kind of recordKinds.toReversed()) {
    const ids = new Set([
      ...(held.get(kind)?.keys() ?? []),
      ...(festival[kind] as readonly AnyRecord[]).map((r) => r.id),
    ]);
    for (const id of ids) {
      const key = `${kind}:${id}`;
      if (goes.has(key) && !used.has(key)) continue;
      goes.delete(key);
      const record = after(kind, id);
      for (const need of record === undefined ? [] : referencesOf(record)) used.add(`${need.kind}:${need.id}`);
    }
  }

  return [
    ...recordKinds.flatMap((kind) =>
      [...saved.values()]
        .filter((s) => s.kind === kind)
        .map(({ record }): Write => {
          const fileHash = fileHashOf(record);
          return { op: 'save', kind, record, brandId: brandOf(kind, record, after), origin: 'file', fileHash };
        }),
    ),
    ...dropped
      .map((key) => ({ key, kind: kindOf(key), id: idOf(key) }))
      .toSorted((a, b) => recordKinds.indexOf(b.kind) - recordKinds.indexOf(a.kind))
      .flatMap(({ key, kind, id }): Write[] => {
        if (goes.has(key)) return [{ op: 'remove', kind, id, forgetFile: true }];
        // Still used: it is looked at again at the next load. Edited by a command, or gone: the file's word is forgotten.
        return originOf(key, held) === 'file' ? [] : [{ op: 'note', kind, id }];
      }),
  ];
}

function kindOf(key: string): RecordKind {
  return key.slice(0, key.indexOf(':')) as RecordKind;
}
function idOf(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}
function originOf(key: string, held: HeldRecords): Held['origin'] | undefined {
  return held.get(kindOf(key))?.get(idOf(key))?.origin;
}
