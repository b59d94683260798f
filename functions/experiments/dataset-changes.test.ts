import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { putItems } from '../../storage/blobs/items.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { blobKey } from '../../storage/keys.ts';
import type { Dataset, Split } from '../../storage/records.ts';
import { compareDatasets, countChanges, describeChanges, listChanges } from './dataset-changes.ts';

const store = createMemoryStore();
const blobs = createBlobStore(store);

interface Picture {
  readonly name: string;
  readonly caption?: string;
  readonly split?: Split;
}

interface Options {
  readonly removed?: readonly string[];
  readonly image?: string;
  readonly dim?: number;
}

const idOf = (name: string) => digestOf(name).slice('sha256:'.length, 'sha256:'.length + 16);

/** A dataset of pages of pictures. A name stands for the bytes of a picture. */
async function put(pages: readonly (readonly Picture[])[], options: Options = {}): Promise<Digest> {
  const { removed = [], image = 'pixels', dim = 192 } = options;
  const stored = await Promise.all(
    pages.map(async pictures => {
      const items = pictures.map(({ name, caption, split = 'train' }) => ({
        id: idOf(name),
        name,
        original: digestOf(name),
        split,
        ...(caption !== undefined && { attributes: { caption } }),
      }));
      return { items: (await putItems(blobs, items)).digest, columns: { image: digestOf(image) } };
    }),
  );
  const document: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: stored,
    removed: removed.map(idOf),
    encoders: { text: { name: 'words', dim } },
    counts: {},
    rejects: [],
    links: stored.map(({ items }) => items),
  };
  return (await putDocument(blobs, document)).digest;
}

async function tell(before: Promise<Digest>, now: Promise<Digest>): Promise<string> {
  const changes = await compareDatasets(blobs, await before, await now);
  return changes ? describeChanges(changes) : 'unknown';
}

const A = { name: 'a.png', caption: 'a cat' };
const B = { name: 'b.png', caption: 'a dog' };

test.each<[string, Promise<Digest>, Promise<Digest>, string]>([
  ['nothing', put([[A], [B]]), put([[A], [B]]), ''],
  ['a picture more', put([[A]]), put([[A], [B]]), '1 picture added (b.png)'],
  [
    'a picture that is listed as removed',
    put([[A, B]]),
    put([[A, B]], { removed: ['b.png'] }),
    '1 picture taken out (b.png)',
  ],
  ['a picture that left its page', put([[A, B]]), put([[A]]), '1 picture taken out (b.png)'],
  ['a picture that is there again', put([[A, B]], { removed: ['a.png'] }), put([[A, B]]), '1 picture added (a.png)'],
  ['a caption', put([[A, B]]), put([[A, { ...B, caption: 'a wolf' }]]), '1 caption changed (b.png)'],
  ['a caption that was missing', put([[{ name: 'a.png' }]]), put([[A]]), '1 caption changed (a.png)'],
  ['a split', put([[A, B]]), put([[A, { ...B, split: 'val' }]]), '1 picture in another split (b.png)'],
  ['a name', put([[A]]), put([[A]]), ''],
  ['pixels', put([[A, B]]), put([[A, B]], { image: 'larger' }), '2 pictures with other pixels or signals'],
  ['an encoder', put([[A], [B]]), put([[A], [B]], { dim: 512 }), '2 pictures with other pixels or signals'],
])('two datasets that differ in %s are told apart in words', async (_, before, now, words) => {
  expect(await tell(before, now)).toBe(words);
});

test('a sentence names three pictures and counts all, and examples name each', async () => {
  const many = Array.from({ length: 5 }, (_, i) => ({ name: `${i}.png` }));
  const changes = await compareDatasets(blobs, await put([[A, ...many]]), await put([[{ ...A, caption: 'a lynx' }]]));
  if (!changes) throw new Error('nothing was compared');
  expect(describeChanges(changes)).toBe('5 pictures taken out (0.png, 1.png, 2.png, ...), 1 caption changed (a.png)');
  expect(countChanges(changes)).toBe(6);
  expect(listChanges(changes).at(-1)).toEqual({ name: 'a.png', text: 'another caption' });
});

test('a dataset that is not there any more cannot be compared', async () => {
  const before = await put([[{ name: 'gone.png' }]]);
  await store.delete(blobKey(before));
  expect(await tell(Promise.resolve(before), put([[A]]))).toBe('unknown');
});
