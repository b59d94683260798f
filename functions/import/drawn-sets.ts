/** @file The table of bundled sets, whose pictures Easel draws: who renders them, and what their names are. */
import { z } from 'zod';
import { MOST_PICTURES } from '../../configs/bounds.ts';
import { EMOJI_SET } from '../../configs/set-packages.ts';
import { NotFound } from '../../errors.ts';
import { putItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { digestSchema, PAGE_SIZE } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { type NewOriginal, originalLinks, packOriginals } from '../datasets/originals.ts';

export const DRAWN_SET_NAMES = ['portraits', 'figures', 'emoji'] as const;
export type DrawnSetName = (typeof DRAWN_SET_NAMES)[number];

export interface DrawnSet {
  readonly name: DrawnSetName;
  /** The function that draws a page: it takes a range and `files`, and makes items. */
  readonly renderedBy: string;
  /** Whether its captions can be in varied wording. The other sets have several captions of each picture anyway. */
  readonly hasWordings?: true;
  /** Blobs that the pictures are made of, by key of the function's body. */
  readonly files?: Readonly<Record<string, Digest>>;
  /** @throws NotFound if files of the set are not in the store. */
  check?(store: ObjectStore): Promise<void>;
}

const EMOJI_FILES: Readonly<Record<string, Digest>> = Object.fromEntries(
  Object.entries(EMOJI_SET.blobs).map(([key, digest]) => [key, digestSchema.parse(digest)]),
);

export const DRAWN_SETS: Readonly<Record<DrawnSetName, DrawnSet>> = {
  portraits: { name: 'portraits', renderedBy: 'render-portraits', hasWordings: true },
  figures: { name: 'figures', renderedBy: 'render-figures' },
  emoji: { name: 'emoji', renderedBy: 'render-emoji', files: EMOJI_FILES, check: requireEmoji },
};

async function requireEmoji(store: ObjectStore): Promise<void> {
  for (const digest of Object.values(EMOJI_FILES)) {
    if (await store.head(blobKey(digest))) continue;
    throw new NotFound('the pictures of the set emoji are not in the store', {
      expected: `the npm packages ${EMOJI_SET.packages.map(({ spec }) => spec).join(' and ')}`,
      hint: 'easel sets install emoji downloads them by npm (23 MB), checks them and stores them',
    });
  }
}

const LARGEST_SEED = 2 ** 48;
const SEED_ERROR = { error: `expected a whole number from 0 to ${LARGEST_SEED}` };
const seedSchema = z.int(SEED_ERROR).min(0, SEED_ERROR).max(LARGEST_SEED, SEED_ERROR);

/** Body keys of a bundled set. */
export const setShape = {
  seed: seedSchema.default(1).describe('seed of the bundled set'),
  size: z.int().min(16).max(1024).default(64).describe('pixels of a side'),
};

export const WORDINGS = ['plain', 'varied'] as const;

/** True if the body names no wording, or one of a set that has wordings. */
export function checkWording(body: {
  readonly source?: DrawnSetName | undefined;
  readonly wording?: string | undefined;
}): boolean {
  return body.wording === undefined || (body.source !== undefined && DRAWN_SETS[body.source].hasWordings === true);
}

export const WORDING_ERROR = {
  error: 'expected source: portraits; pictures of other sources have the captions that they come with',
  path: ['wording'],
};

export interface SetOptions {
  readonly seed: number;
  /** Pixels of a side. */
  readonly size: number;
  /** Absent: one caption of each picture. */
  readonly wording?: 'varied' | undefined;
}

/** Body keys of a function that draws pictures [from, to) of a set. */
export const rangeShape = {
  ...setShape,
  from: z.int().min(0).max(MOST_PICTURES),
  to: z.int().min(1).max(MOST_PICTURES),
};

export function checkRange({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return from < to && to - from <= PAGE_SIZE;
}

export const RANGE_ERROR = { error: `expected from < to <= from + ${PAGE_SIZE}`, path: ['to'] };

/** The result of a function that draws a page. @param files Blobs that stay as long as the page is cached. */
export async function putDrawnPage(blobs: BlobStore, drawn: readonly NewOriginal[], files: readonly Digest[] = []) {
  const items = await packOriginals(blobs, drawn);
  const ref = await putItems(blobs, items);
  return { outputs: { items: ref }, links: [...originalLinks(items), ...files], stats: { items: items.length } };
}

/** A name with everything that decides picture and captions: another set, seed, size or wording has another name. */
export function pictureName(set: DrawnSetName, { seed, size, wording }: SetOptions, index: number): string {
  const worded = wording === undefined ? '' : `-${wording}`;
  return `${set}-${seed}-${size}${worded}/${String(index).padStart(6, '0')}.png`;
}

const DRAWN_NAME = new RegExp(`^(?:${DRAWN_SET_NAMES.join('|')})-\\d+-\\d+(?:-varied)?/\\d{6,}\\.png$`);

/** Whether a picture of that name was drawn, whatever its set. */
export function isDrawnName(name: string): boolean {
  return DRAWN_NAME.test(name);
}
