/** @file A few pictures of a source with their own texts, packed as a tar, to measure how long a set takes. */
import { posix } from 'node:path';
import { isPictureName } from '../../formats/file-format.ts';
import { packTar } from '../../formats/tar.ts';
import { tableRank } from './caption-table.ts';
import type { SourceFile } from './import-source.ts';
import { tryRead, Unreadable } from './read-failure.ts';
import { baseOf, textLimit } from './text-uses.ts';

/** A larger table of captions would take longer than the pictures. */
const MAX_TABLE_BYTES = 8 << 20;
/** Bytes of a probe in memory. */
const MAX_PROBE_BYTES = 256 << 20;

export interface Listing {
  readonly pictures: readonly SourceFile[];
  readonly texts: readonly SourceFile[];
  /** Bytes of the pictures. */
  readonly bytes: number;
}

/** Tells pictures and texts by their names. Reads nothing. */
export function listByName(files: readonly SourceFile[]): Listing {
  const pictures = files.filter(({ name }) => isPictureName(name));
  const texts = files.filter(({ name }) => textLimit(name) !== undefined);
  return { pictures, texts, bytes: pictures.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * A tar of at most `count` pictures, spread evenly over the names, of the texts beside them, and of tables of captions.
 * @param from Skips as many pictures, so that two probes have different ones.
 * @param folder Folder in the tar. With another, the stages compute anew.
 */
export async function drawProbe(
  { pictures, texts }: Listing,
  { count, from, folder }: { readonly count: number; readonly from: number; readonly folder: string },
): Promise<{ readonly tar: Uint8Array; readonly pictures: number }> {
  const beside = Map.groupBy(texts, ({ name }) => baseOf(name));
  const tables = texts.filter(({ name, size }) => tableRank(name) !== undefined && size <= MAX_TABLE_BYTES);
  const members: [string, Uint8Array][] = [];
  let drawn = 0;
  let bytes = 0;
  for (const picture of spread(pictures, count, from)) {
    const { dir, name } = posix.parse(picture.name);
    const own = [...(beside.get(picture.name) ?? []), ...(beside.get(posix.join(dir, name)) ?? [])];
    const read = await tryRead(picture);
    if (read instanceof Unreadable) continue;
    bytes += read.length;
    if (drawn > 0 && bytes > MAX_PROBE_BYTES) break;
    drawn++;
    members.push([`${folder}/${picture.name}`, read]);
    for (const text of drawn === 1 ? [...own, ...tables] : own) {
      const said = await tryRead(text);
      if (!(said instanceof Unreadable)) members.push([`${folder}/${text.name}`, said]);
    }
  }
  return { tar: packTar(members), pictures: drawn };
}

function spread<T>(all: readonly T[], count: number, from: number): T[] {
  const width = Math.min(count, all.length);
  const positions = Array.from({ length: width }, (_, i) => (from + Math.floor((i * all.length) / width)) % all.length);
  return positions.flatMap(at => all[at] ?? []);
}
