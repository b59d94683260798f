/** @file Refuses a dataset that has pictures without a caption. */
import { formatCount, listSome, quantity } from '../../configs/quantity.ts';
import { Unprocessable } from '../../errors.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import type { Dataset, Item, Reject } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { tableRank } from './caption-table.ts';
import { createJoiner } from './join-names.ts';
import { baseOf } from './text-uses.ts';

/** Most pictures that the message names, and most unused texts. */
const MAX_NAMED = 10;
const MAX_TEXTS = 3;
/** Most names and rejects in the details. */
const MAX_DETAILS = 100;

/** The caption of a picture; empty if it has none. */
export function captionOf({ attributes }: Pick<Item, 'attributes'>): string {
  const text = attributes?.caption;
  return typeof text === 'string' ? text.trim() : '';
}

/** All captions of a picture that differ, the one of {@link captionOf} first. */
export function captionsOf(item: Pick<Item, 'attributes'>): string[] {
  const all = item.attributes?.captions;
  const others = Array.isArray(all) ? all.flatMap(text => (typeof text === 'string' ? [text.trim()] : [])) : [];
  return [...new Set([captionOf(item), ...others.filter(text => text !== '')])];
}

/**
 * @param key The key of the call that takes such pictures when it is "empty".
 * @throws Unprocessable that counts the pictures of the whole dataset and says which of their texts are not used.
 */
export async function refuseUncaptioned(blobs: BlobStore, dataset: Dataset, key: string): Promise<void> {
  const items = await readAllItems(blobs, dataset);
  const names = items.filter(item => captionOf(item) === '').map(({ name }) => name);
  if (names.length === 0) return;
  const texts = findUnused(dataset.rejects, items, new Set(names));
  const have = names.length === 1 ? 'has' : 'have';
  throw new Unprocessable(
    `${formatCount(names.length)} of ${quantity(items.length, 'picture')} ${have} no caption: ${listSome(names, MAX_NAMED)}`,
    {
      expected: 'a caption for each picture, such as name.txt beside name.png',
      hint: [
        ...texts.slice(0, MAX_TEXTS).map(sayUnused),
        ...sayMore(texts.length - MAX_TEXTS),
        `Add the captions and call prepare or import again; or set ${key} to "empty" to train on them without text`,
      ].join('. '),
      details: { pictures: names.slice(0, MAX_DETAILS), rejects: texts.slice(0, MAX_DETAILS) },
    },
  );
}

/** Of a table, other entries may be used. */
function sayUnused({ name, reason }: Reject): string {
  return `${name} is not ${tableRank(name) === undefined ? '' : 'wholly '}used: ${reason}`;
}

function sayMore(count: number): string[] {
  return count > 0 ? [`${quantity(count, 'more text is', 'more texts are')} not used`] : [];
}

/** Rejected texts that belong to these pictures by their names, and tables. */
function findUnused(rejects: readonly Reject[], items: readonly Item[], uncaptioned: ReadonlySet<string>): Reject[] {
  const join = createJoiner(items.map(({ name }) => name));
  return rejects.filter(({ name }) => {
    if (tableRank(name) !== undefined) return true;
    const base = baseOf(name);
    const owners = base === undefined ? undefined : join([base]).get(base)?.owners;
    return owners?.some(owner => uncaptioned.has(owner));
  });
}
