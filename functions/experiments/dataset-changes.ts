/** @file What differs between two versions of a dataset, in words: it was prepared again since somebody used it. */
import { quantity } from '../../configs/quantity.ts';
import { BlobMissing } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readAllItems, readItems } from '../../storage/blobs/items.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Pages read at once. */
const READ_WIDTH = 16;
/** Most pictures that a sentence names. */
const MAX_NAMED = 3;

/** Names of pictures, each in the order of the dataset that has it. */
export interface DatasetChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Pictures with another caption. */
  readonly described: readonly string[];
  /** Pictures that moved between training, validation and test. */
  readonly moved: readonly string[];
  /** Pictures whose pixels or signals are others: prepared with other sizes or encoders. */
  readonly recoded: number;
}

/** @returns Undefined when a document or page of the datasets is missing. */
export async function compareDatasets(
  blobs: BlobStore,
  before: Digest,
  now: Digest,
): Promise<DatasetChanges | undefined> {
  try {
    const [old, young] = await Promise.all([readDataset(blobs, before), readDataset(blobs, now)]);
    return await compare(blobs, old, young);
  } catch (error) {
    if (error instanceof BlobMissing) return undefined;
    throw error;
  }
}

async function compare(blobs: BlobStore, old: Dataset, young: Dataset): Promise<DatasetChanges> {
  const hasMoved = canonicalJson(old.removed.toSorted()) !== canonicalJson(young.removed.toSorted());
  // Pages of both have equal items. They are read only where removed ones among them have names to tell.
  const [was, is] = await Promise.all([
    readPictures(blobs, old, hasMoved ? [] : young.pages),
    readPictures(blobs, young, hasMoved ? [] : old.pages),
  ]);
  const both = [...is].flatMap(([id, item]) => {
    const earlier = was.get(id);
    return earlier ? [{ item, earlier }] : [];
  });
  const namesOf = (pairs: typeof both) => pairs.map(({ item }) => item.name);
  return {
    added: [...is].flatMap(([id, { name }]) => (was.has(id) ? [] : [name])),
    removed: [...was].flatMap(([id, { name }]) => (is.has(id) ? [] : [name])),
    described: namesOf(both.filter(({ item, earlier }) => captionOf(item) !== captionOf(earlier))),
    moved: namesOf(both.filter(({ item, earlier }) => item.split !== earlier.split)),
    recoded: await countRecoded(blobs, old, young),
  };
}

/** Pictures by id, of the pages that the other dataset does not have. */
async function readPictures(
  blobs: BlobStore,
  { pages, removed }: Dataset,
  shared: readonly Page[],
): Promise<Map<string, Item>> {
  const known = new Set(shared.map(({ items }) => items));
  const own = pages.filter(({ items }) => !known.has(items));
  return new Map((await readAllItems(blobs, { pages: own, removed })).map(item => [item.id, item]));
}

/** Pictures on pages of equal items and other columns; all, if the encoders are others. */
async function countRecoded(blobs: BlobStore, old: Dataset, young: Dataset): Promise<number> {
  const columns = new Map(old.pages.map(page => [page.items, canonicalJson(page.columns)]));
  const isOther = (page: Page) => columns.has(page.items) && columns.get(page.items) !== canonicalJson(page.columns);
  const all = canonicalJson(old.encoders) !== canonicalJson(young.encoders);
  const pages = young.pages.filter(page => all || isOther(page));
  const counts = await mapBounded(pages, { width: READ_WIDTH }, async page => (await readItems(blobs, page)).length);
  return counts.reduce((sum, count) => sum + count, 0);
}

function captionOf({ attributes }: Item): string {
  return typeof attributes?.caption === 'string' ? attributes.caption : '';
}

/** `1 picture removed (05.png), 1 caption changed (03.png)`; empty when nothing differs. */
export function describeChanges({ added, removed, described, moved, recoded }: DatasetChanges): string {
  return [
    tell(quantity(added.length, 'picture'), 'added', added),
    tell(quantity(removed.length, 'picture'), 'taken out', removed),
    tell(quantity(described.length, 'caption'), 'changed', described),
    tell(quantity(moved.length, 'picture'), 'in another split', moved),
    recoded > 0 ? `${quantity(recoded, 'picture')} with other pixels or signals` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function tell(count: string, what: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > MAX_NAMED ? ', ...' : '';
  return `${count} ${what} (${names.slice(0, MAX_NAMED).join(', ')}${more})`;
}

/** Number of changes of single pictures. */
export function countChanges({ added, removed, described, moved, recoded }: DatasetChanges): number {
  return added.length + removed.length + described.length + moved.length + recoded;
}

/** Each changed picture with what changed, as the examples of a note. */
export function listChanges({ added, removed, described, moved }: DatasetChanges) {
  const name = (names: readonly string[], text: string) => names.map(each => ({ name: each, text }));
  return [
    ...name(removed, 'taken out'),
    ...name(described, 'another caption'),
    ...name(moved, 'in another split'),
    ...name(added, 'added'),
  ];
}
