/** @file Turns the files of a source into pictures with what their texts say, and rejects other files with a reason. */
import { formatCount } from '../../configs/quantity.ts';
import type { OldEncoding } from '../../formats/decode-text.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { Item, Reject } from '../../storage/records.ts';
import { idOf, MAX_ARCHIVE_BYTES, type NewOriginal } from '../datasets/originals.ts';
import { SAME_BYTES } from '../datasets/rejects-by-reason.ts';
import type { Noted } from '../notes/notes.ts';
import { packArrayPicture } from '../pictures/array-picture.ts';
import { requireFormat, UnfitPicture } from '../pictures/unfit-picture.ts';
import { type Description, type ReadText, readTexts } from './describe-pictures.ts';
import { type NamedMask, readMask, splitMasks } from './find-masks.ts';
import { splitsOfFolders } from './folder-splits.ts';
import type { ImportSource, SourceFile } from './import-source.ts';
import { createJoiner } from './join-names.ts';
import { readOriginalTable } from './original-table.ts';
import { readAhead } from './read-ahead.ts';
import { Unreadable } from './read-failure.ts';
import { groupSamples, type SampleFiles } from './sample-files.ts';
import { type OwnRecord, readSampleRecord, type SampleRecord } from './sample-record.ts';
import { textLimit } from './text-uses.ts';

export interface FoundPicture {
  readonly id: string;
  readonly name: string;
  readonly attributes: NewOriginal['attributes'];
  /** Digest of its mask. */
  readonly mask?: Digest | undefined;
  /** What the source says of its split. */
  readonly place?: Pick<Item, 'split' | 'cluster'>;
  /** What Easel's own shard says of it. */
  readonly own?: OwnRecord;
  /** Its bytes as they are stored. */
  read(): Promise<Uint8Array>;
}

export interface FoundPictures {
  readonly pictures: readonly FoundPicture[];
  readonly rejects: readonly Reject[];
  readonly noted: readonly Noted[];
}

export type Candidate = Omit<FoundPicture, 'attributes'>;

/** What is done with the bytes of pictures, which are read once. */
export interface PictureSink {
  /** Called for each file. */
  progress(done: number, total: number): void;
  /** Called for the first of equal pictures, in the order of the source. */
  picture?(found: Candidate, bytes: Uint8Array): Promise<void>;
  /** Called for each mask of a picture. */
  mask?(bytes: Uint8Array): Promise<void>;
  /** Takes the arrays beside a picture. @returns Why the picture cannot be taken with them. */
  signals?(found: Candidate, sample: SampleFiles, record: SampleRecord, bytes: Uint8Array): Promise<Reject | undefined>;
  /** Turns a picture as an array into uint8; default: here. */
  pack?(bytes: Uint8Array): Promise<Uint8Array>;
  /** Called before the first picture is read, with the samples by name of their picture. */
  samples?(
    samples: ReadonlyMap<string, SampleFiles>,
    recordOf: (name: string) => SampleRecord,
    names: readonly string[],
  ): Promise<void>;
}

export interface FindOptions {
  /** Encoding of texts that are not in Unicode. */
  readonly encoding?: OldEncoding | undefined;
  /** Whether folders called train, validation and test say splits. */
  readonly folderSplits?: boolean;
}

/** Reads every file once. Of equal pictures one is kept: the first that has a caption, or the first of all. */
export async function findPictures(
  source: ImportSource,
  { encoding, folderSplits = true }: FindOptions,
  sink: PictureSink,
): Promise<FoundPictures> {
  let done = 0;
  const count = (files = 1) => {
    for (let i = 0; i < files; i++) sink.progress(++done, source.files.length);
  };
  const rejects: Reject[] = [...source.rejects];
  const { texts, others, tooLarge } = sortFiles(source.files);
  const grouped = groupSamples(others);
  const split = splitMasks(grouped.others, createJoiner);
  rejects.push(...tooLarge, ...grouped.rejects, ...split.rejects);
  count(source.files.length - texts.length - split.others.length);
  const names = split.others.map(({ name }) => name);
  const tables: ReadText[] = [];
  for (const table of source.tables ?? []) tables.push(await readOriginalTable(table, names));
  const said = await readTexts(texts, names, encoding, count, tables);
  const recordOf = (name: string) => readSampleRecord(said.of(name));
  await sink.samples?.(grouped.samples, recordOf, names);
  const pictures = sortByPlace(split.others, recordOf);

  const maskOf = new Map(split.masks.flatMap(mask => mask.pictures.map(name => [name, mask] as const)));
  const candidates: Candidate[] = [];
  const seen = new Set<string>();
  for await (const { file, bytes: read } of readAhead(pictures)) {
    const record = recordOf(file.name);
    const found =
      read instanceof Unreadable ? { name: file.name, reason: read.reason } : await examine(file, read, record, sink);
    if ('reason' in found) rejects.push(found);
    else {
      const sample = grouped.samples.get(file.name);
      const problem = sample && (await sink.signals?.(found.picture, sample, record, found.bytes));
      if (problem) rejects.push(problem);
      else {
        const masked = await addMask(found.picture, maskOf.get(file.name), found.bytes, sink);
        if (!seen.has(found.picture.id)) await sink.picture?.(masked.picture, found.bytes);
        seen.add(found.picture.id);
        candidates.push(masked.picture);
        rejects.push(...masked.rejects);
      }
    }
    count();
  }
  const described = said.describe(new Set(candidates.map(({ name }) => name)));
  const chosen = chooseAmongEqual(candidates, described.pictures);
  const splits = folderSplits ? splitsOfFolders(chosen.pictures.map(({ name }) => name)) : undefined;
  return {
    pictures: chosen.pictures.map(picture => complete(picture, splits?.get(picture.name))),
    rejects: [...rejects, ...chosen.rejects, ...described.rejects],
    noted: noteCaptions(chosen.pictures, described.pictures),
  };
}

/** Pictures of Easel's own shards in the order of the dataset that was exported; others as they are. */
function sortByPlace(files: readonly SourceFile[], recordOf: (name: string) => SampleRecord): readonly SourceFile[] {
  const placed = files.map(file => ({ file, own: recordOf(file.name).own }));
  if (placed.some(({ own }) => own === undefined)) return files;
  const [pageOf, placeOf] = [
    (each: (typeof placed)[number]) => each.own?.page ?? 0,
    (each: (typeof placed)[number]) => each.own?.place ?? 0,
  ];
  return placed.sort((a, b) => pageOf(a) - pageOf(b) || placeOf(a) - placeOf(b)).map(({ file }) => file);
}

function sortFiles(files: readonly SourceFile[]) {
  const tooLarge: Reject[] = [];
  const texts: SourceFile[] = [];
  const others: SourceFile[] = [];
  for (const file of files) {
    const ofText = textLimit(file.name);
    const limit = ofText ?? MAX_ARCHIVE_BYTES;
    if (file.size <= limit) (ofText === undefined ? others : texts).push(file);
    else {
      // It is not read: it may not fit into memory.
      const most = formatCount(limit);
      const reason = `the file has ${formatCount(file.size)} bytes, more than ${most}`;
      tooLarge.push({ name: file.name, reason, group: `a file of more than ${most} bytes` });
    }
  }
  return { texts, others, tooLarge };
}

/** The picture, with the bytes as they are stored; or why the file is none. */
async function examine(
  file: SourceFile,
  read: Uint8Array,
  { own }: SampleRecord,
  sink: PictureSink,
): Promise<{ readonly picture: Candidate; readonly bytes: Uint8Array } | Reject> {
  const { name } = file;
  const pack = async (bytes: Uint8Array) => {
    if (requireFormat(bytes) !== 'npy') return bytes;
    return sink.pack ? sink.pack(bytes) : packArrayPicture(bytes);
  };
  try {
    const bytes = await pack(read);
    // Easel's own shard names the picture that its array was made of.
    const id = own?.id ?? idOf(bytes);
    const picture = { id, name, ...(own && { own }), read: async () => pack(await file.read()) };
    return { picture, bytes };
  } catch (error) {
    if (!(error instanceof UnfitPicture)) throw error;
    return { name, reason: error.reason, group: error.group };
  }
}

/** The picture with its mask, or the reason why the mask is not taken. Its weight is then 1 everywhere. */
async function addMask(picture: Candidate, mask: NamedMask | undefined, own: Uint8Array, sink: PictureSink) {
  if (mask === undefined) return { picture, rejects: [] };
  const bytes = await readMask(mask, picture.name, own);
  if ('reason' in bytes) return { picture, rejects: [bytes] };
  await sink.mask?.(bytes);
  return { picture: { ...picture, mask: digestOf(bytes) }, rejects: [] };
}

/** Name and split as Easel's own shard says them, or the split that the folder says. */
function complete(picture: FoundPicture, split: Item['split']): FoundPicture {
  const { own, attributes } = picture;
  if (own === undefined) return split === undefined ? picture : { ...picture, place: { split } };
  const { name, cluster } = own;
  return { ...picture, name, attributes, place: { split: own.split, ...(cluster !== undefined && { cluster }) } };
}

function chooseAmongEqual(candidates: readonly Candidate[], descriptions: ReadonlyMap<string, Description>) {
  const pictures: FoundPicture[] = [];
  const rejects: Reject[] = [];
  const captionOf = (name: string) => descriptions.get(name)?.attributes?.caption;
  for (const equal of Map.groupBy(candidates, ({ id }) => id).values()) {
    const kept = equal.find(({ name }) => captionOf(name) !== undefined) ?? equal[0];
    if (kept === undefined) continue;
    pictures.push({ ...kept, attributes: attributesOf(descriptions.get(kept.name)?.attributes) });
    for (const { id, name } of equal) {
      if (name === kept.name) continue;
      const isCaptioned = captionOf(name) !== undefined && captionOf(name) !== captionOf(kept.name);
      const reason = `the same bytes as ${kept.name}${isCaptioned ? '; its own caption differs and is not used' : ''}`;
      rejects.push({ name, id, reason, group: SAME_BYTES });
    }
  }
  return { pictures, rejects };
}

/** What is said of the picture itself, without what is said of its arrays. */
function attributesOf(said: NewOriginal['attributes']): NewOriginal['attributes'] {
  const { own, attributes } = readSampleRecord(said);
  const caption = said?.caption;
  return own && caption !== undefined ? { ...attributes, caption } : attributes;
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
