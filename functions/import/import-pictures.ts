/** @file Turns the files of a source into pictures with what their texts say, and rejects other files with a reason. */
import { formatCount } from '../../configs/quantity.ts';
import type { OldEncoding } from '../../formats/decode-text.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { Reject } from '../../storage/records.ts';
import { idOf, MAX_ARCHIVE_BYTES, type NewOriginal } from '../datasets/originals.ts';
import { SAME_BYTES } from '../datasets/rejects-by-reason.ts';
import type { Noted } from '../notes/notes.ts';
import { requireFormat, UnfitPicture } from '../pictures/unfit-picture.ts';
import { type Description, describePictures } from './describe-pictures.ts';
import { type NamedMask, readMask, splitMasks } from './find-masks.ts';
import type { ImportSource, SourceFile } from './import-source.ts';
import { createJoiner } from './join-names.ts';
import { tryRead, Unreadable } from './read-failure.ts';
import { textLimit } from './text-uses.ts';

export interface FoundPicture {
  readonly id: string;
  readonly name: string;
  readonly attributes: NewOriginal['attributes'];
  /** Its mask, with the digest that the bytes have. */
  readonly mask?: FoundMask;
  read(): Promise<Uint8Array>;
}

export interface FoundMask {
  readonly digest: Digest;
  read(): Promise<Uint8Array>;
}

export interface FoundPictures {
  readonly pictures: readonly FoundPicture[];
  readonly rejects: readonly Reject[];
  readonly noted: readonly Noted[];
}

type Candidate = Omit<FoundPicture, 'attributes'>;

/**
 * Reads every file once. Of equal pictures one is kept: the first that has a caption, or the first of all.
 * @param encoding Encoding of texts that are not in Unicode.
 * @param onFile Called after each file with the count so far.
 */
export async function findPictures(
  source: ImportSource,
  encoding: OldEncoding | undefined,
  onFile: (done: number, total: number) => void,
): Promise<FoundPictures> {
  let done = 0;
  const count = () => onFile(++done, source.files.length);
  const rejects: Reject[] = [...source.rejects];
  const texts: SourceFile[] = [];
  const others: SourceFile[] = [];
  for (const file of source.files) {
    const ofText = textLimit(file.name);
    const limit = ofText ?? MAX_ARCHIVE_BYTES;
    if (file.size <= limit) (ofText === undefined ? others : texts).push(file);
    else {
      // It is not read: it may not fit into memory.
      const most = formatCount(limit);
      const reason = `the file has ${formatCount(file.size)} bytes, more than ${most}`;
      rejects.push({ name: file.name, reason, group: `a file of more than ${most} bytes` });
      count();
    }
  }
  const split = splitMasks(others, createJoiner);
  rejects.push(...split.rejects);
  for (const _ of split.rejects) count();
  const maskOf = new Map(split.masks.flatMap(mask => mask.pictures.map(name => [name, mask] as const)));
  const candidates: Candidate[] = [];
  for (const file of split.others) {
    const found = await examine(file);
    if ('reason' in found) rejects.push(found);
    else {
      const masked = await addMask(found, maskOf.get(file.name));
      candidates.push(masked.picture);
      rejects.push(...masked.rejects);
    }
    count();
  }
  for (const _ of split.masks) count();
  const names = { others: split.others.map(({ name }) => name), pictures: new Set(candidates.map(({ name }) => name)) };
  const described = await describePictures(texts, names, encoding, count);
  const chosen = chooseAmongEqual(candidates, described.pictures);
  return {
    pictures: chosen.pictures,
    rejects: [...rejects, ...chosen.rejects, ...described.rejects],
    noted: noteCaptions(chosen.pictures, described.pictures),
  };
}

async function examine(file: SourceFile): Promise<Candidate | Reject> {
  const { name, read } = file;
  const bytes = await tryRead(file);
  if (bytes instanceof Unreadable) return { name, reason: bytes.reason };
  const refusal = refusalOf(bytes);
  return refusal === undefined ? { id: idOf(bytes), name, read } : { name, ...refusal };
}

/** The picture with its mask, or the reason why the mask is not taken. Its weight is then 1 everywhere. */
async function addMask(picture: Candidate, mask: NamedMask | undefined) {
  if (mask === undefined) return { picture, rejects: [] };
  const bytes = await readMask(mask, picture.name, await picture.read());
  if ('reason' in bytes) return { picture, rejects: [bytes] };
  return { picture: { ...picture, mask: { digest: digestOf(bytes), read: mask.file.read } }, rejects: [] };
}

/** Why the file is not a picture that is read; undefined if it is. */
function refusalOf(bytes: Uint8Array): Pick<Reject, 'reason' | 'group'> | undefined {
  try {
    requireFormat(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof UnfitPicture)) throw error;
    return { reason: error.reason, group: error.group };
  }
}

function chooseAmongEqual(candidates: readonly Candidate[], descriptions: ReadonlyMap<string, Description>) {
  const pictures: FoundPicture[] = [];
  const rejects: Reject[] = [];
  const captionOf = (name: string) => descriptions.get(name)?.attributes?.caption;
  for (const equal of Map.groupBy(candidates, ({ id }) => id).values()) {
    const kept = equal.find(({ name }) => captionOf(name) !== undefined) ?? equal[0];
    if (kept === undefined) continue;
    pictures.push({ ...kept, attributes: descriptions.get(kept.name)?.attributes });
    for (const { id, name } of equal) {
      if (name === kept.name) continue;
      const isCaptioned = captionOf(name) !== undefined && captionOf(name) !== captionOf(kept.name);
      const reason = `the same bytes as ${kept.name}${isCaptioned ? '; its own caption differs and is not used' : ''}`;
      rejects.push({ name, id, reason, group: SAME_BYTES });
    }
  }
  return { pictures, rejects };
}

function noteCaptions(
  pictures: readonly FoundPicture[],
  descriptions: ReadonlyMap<string, Description>,
): readonly Noted[] {
  const noted: Noted[] = [];
  for (const { id, name } of pictures) {
    const { from, against = [] } = descriptions.get(name) ?? {};
    if (from === undefined) continue;
    const { file, encoding } = from;
    if (encoding !== 'UTF-8') {
      noted.push({ code: 'caption_decoded', facts: { encoding }, items: [{ id, name, amount: 0, text: file }] });
    }
    if (against.length > 0) {
      const others = against.map(other => (other === file ? 'another entry there' : other));
      const text = `that of ${file} counts, not that of ${others.join(', ')}`;
      noted.push({ code: 'caption_conflict', items: [{ id, name, amount: against.length, text }] });
    }
  }
  return noted;
}
