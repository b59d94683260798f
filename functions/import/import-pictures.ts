/** @file Turns the files of a source into pictures: joins sidecars to them, and rejects other files with a reason. */
import { type Json, jsonDepth } from '../../storage/canonical.ts';
import type { Reject } from '../../storage/records.ts';
import { idOf, MAX_ARCHIVE_BYTES, type NewOriginal } from '../datasets/originals.ts';
import { sniffFormat } from '../pictures/image.ts';
import { type ImportSource, type SourceFile, stemOf } from './import-source.ts';
import { Unreadable } from './read-failure.ts';

export interface FoundPicture {
  readonly id: string;
  readonly name: string;
  readonly attributes: NewOriginal['attributes'];
  read(): Promise<Uint8Array>;
}

export interface FoundPictures {
  readonly pictures: readonly FoundPicture[];
  readonly rejects: readonly Reject[];
}

/** Files that describe the picture with the same name before the dot: a caption, or a JSON object of attributes. */
const SIDECAR = /\.(txt|json)$/i;

const MAX_SIDECAR_BYTES = 2 ** 20;
const MAX_ATTRIBUTE_DEPTH = 32;

/**
 * Reads every file once. Of equal pictures only the first is kept.
 * @param onFile Called after each file that may be a picture, with the count so far.
 */
export async function findPictures(
  source: ImportSource,
  onFile: (done: number, total: number) => void,
): Promise<FoundPictures> {
  const rejects: Reject[] = [...source.rejects];
  const sidecars = new Map<string, SourceFile>();
  const others: SourceFile[] = [];
  for (const file of source.files) {
    const limit = SIDECAR.test(file.name) ? MAX_SIDECAR_BYTES : MAX_ARCHIVE_BYTES;
    // A larger file is not read: it may not fit into memory.
    if (file.size > limit)
      rejects.push({ name: file.name, reason: `the file has ${file.size} bytes, more than ${limit}` });
    else if (SIDECAR.test(file.name)) sidecars.set(file.name.toLowerCase(), file);
    else others.push(file);
  }
  const used = new Set<SourceFile>();
  const byId = new Map<string, FoundPicture>();
  for (const [index, file] of others.entries()) {
    const attributes = await readSidecars(file, sidecars, used, rejects);
    const bytes = await readOrReject(file, rejects);
    onFile(index + 1, others.length);
    if (bytes === undefined) continue;
    const reason = reasonAgainst(bytes);
    if (reason === undefined) {
      const id = idOf(bytes);
      const first = byId.get(id);
      if (first) rejects.push({ name: file.name, id, reason: `the same bytes as ${first.name}` });
      else byId.set(id, { id, name: file.name, attributes, read: file.read });
    } else rejects.push({ name: file.name, reason });
  }
  for (const file of sidecars.values()) {
    if (!used.has(file)) rejects.push({ name: file.name, reason: 'not a picture, and not the text of one' });
  }
  return { pictures: [...byId.values()], rejects };
}

/** The bytes of a file; undefined if it cannot be read, which rejects it. */
async function readOrReject(file: SourceFile, rejects: Reject[]): Promise<Uint8Array | undefined> {
  try {
    return await file.read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    rejects.push({ name: file.name, reason: error.reason });
    return undefined;
  }
}

function reasonAgainst(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'the file is empty';
  return sniffFormat(bytes) === undefined ? 'the file is not a picture of a known format' : undefined;
}

/** Reads the attributes of a picture from the files beside it. A caption in the text file wins. */
async function readSidecars(
  picture: SourceFile,
  sidecars: ReadonlyMap<string, SourceFile>,
  used: Set<SourceFile>,
  rejects: Reject[],
): Promise<NewOriginal['attributes']> {
  const stem = stemOf(picture.name).toLowerCase();
  const json = sidecars.get(`${stem}.json`);
  const text = sidecars.get(`${stem}.txt`);
  let attributes: NewOriginal['attributes'];
  if (json) {
    const bytes = await readOrReject(json, used.has(json) ? [] : rejects);
    const found = bytes && parseAttributes(bytes);
    if (found) attributes = found;
    else if (bytes && !used.has(json)) rejects.push({ name: json.name, reason: 'not a JSON object' });
    used.add(json);
  }
  if (text) {
    const bytes = await readOrReject(text, used.has(text) ? [] : rejects);
    const caption = bytes && Buffer.from(bytes).toString('utf8').trim();
    if (caption) attributes = { ...attributes, caption };
    else if (bytes && !used.has(text)) rejects.push({ name: text.name, reason: 'an empty caption' });
    used.add(text);
  }
  return attributes;
}

function parseAttributes(bytes: Uint8Array): NewOriginal['attributes'] {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    // JSON.parse returns JSON. Only its outermost kind and its depth need a check: deep nesting breaks recursive
    // readers.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return jsonDepth(value as Json) > MAX_ATTRIBUTE_DEPTH ? undefined : (value as NewOriginal['attributes']);
  } catch {
    return undefined;
  }
}
