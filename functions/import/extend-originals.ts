/**
 * @file Extends a dataset of originals after a change of its source. Existing pages stay and new pictures make new
 * pages. Only a change of a picture's attributes rewrites its line, and so its page. Pictures that left a folder or tar
 * are erased, and drawn ones, which show nobody, are listed as removed.
 */

import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { putItems } from '../../storage/blobs/items.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import type { Dataset, Item, Page, Reject } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';
import { itemLinks } from '../datasets/originals.ts';
import { addUpNotes, type Noted, withNotes } from '../notes/notes.ts';
import type { Erased } from './erase-missing.ts';

export interface Arrivals {
  /** The pages of the last import that go on. Pictures in them that the source does not have are listed as removed. */
  readonly kept: Erased;
  /** New pages, each of at most 64 items with ids that are known nowhere else. */
  readonly pages: readonly (readonly Item[])[];
  /** Pages and items that this call made; the rest came from the cache. */
  readonly computed: { readonly pages: number; readonly items: number };
  /** Ids of all pictures in the source, with their names, attributes and masks there. */
  readonly present: ReadonlyMap<string, DescribedItem>;
  readonly rejects: readonly Reject[];
  /** On pictures in the source. */
  readonly noted?: readonly Noted[];
  readonly hidden: number;
  /** Signals that the source has of every picture, and their encoders. */
  readonly given?: Dataset['given'];
}

/** What the source says about a picture. */
export type DescribedItem = Pick<Item, (typeof DESCRIBED)[number]>;
const DESCRIBED = ['name', 'attributes', 'mask', 'split', 'cluster', 'signals'] as const;

export interface ExtendedOriginals {
  readonly ref: BlobRef;
  readonly dataset: Dataset;
  /** Number of old pages whose items were rewritten. */
  readonly rewritten: number;
}

export async function extendOriginals(blobs: BlobStore, arrivals: Arrivals): Promise<ExtendedOriginals> {
  const pages: Page[] = [];
  const items: Item[] = [];
  let rewritten = arrivals.kept.packed;
  for (const { page, items: before } of arrivals.kept.pages) {
    const after = before.map(item => updateDescription(item, arrivals.present.get(item.id)));
    const changed = after.some((item, i) => item !== before[i]);
    if (changed) rewritten++;
    pages.push(changed ? { items: (await putItems(blobs, after)).digest, columns: {} } : page);
    items.push(...after);
  }
  for (const page of arrivals.pages) {
    pages.push({ items: (await putItems(blobs, page)).digest, columns: {} });
    items.push(...page);
  }
  const removed = items.filter(item => !arrivals.present.has(item.id)).map(item => item.id);
  const dataset: Dataset = {
    v: 1,
    kind: 'dataset',
    pages,
    removed,
    encoders: {},
    counts: {
      pictures: items.length - removed.length,
      removed: removed.length,
      rejected: arrivals.rejects.length,
      hidden: arrivals.hidden,
    },
    rejects: [...arrivals.rejects],
    ...withNotes(addUpNotes(arrivals.noted ?? [])),
    ...(arrivals.given && { given: arrivals.given }),
    links: [...new Set([...pages.map(page => page.items), ...itemLinks(items)])],
  };
  const ref = await putDocument(blobs, dataset);
  return { ref, dataset, rewritten };
}

/** The item as the source describes it now; the same object if nothing has changed. */
function updateDescription(item: Item, now: DescribedItem | undefined): Item {
  if (now === undefined) return item;
  const rest: Partial<Item> = { ...item };
  for (const key of DESCRIBED) delete rest[key];
  const updated = { ...rest, ...now } as Item;
  return canonicalDigest(updated) === canonicalDigest(item) ? item : updated;
}
