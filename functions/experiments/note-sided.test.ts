import { expect, test } from 'vitest';
import { configSchema } from '../../configs/schema.ts';
import { memberName, variantId } from '../../configs/signals.ts';
import { packColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { noteSided } from './note-sided.ts';

const PICTURES = [
  { caption: 'a red fox' },
  { caption: 'a fox turns left' },
  { caption: 'a blue fox', flip: false },
  {},
  { caption: 'left of all', split: 'val' },
];

const TEXT = { text: { encoder: 'words', dim: 8, tokens: 8 } };

/** @param column Members of the column of captions, if there is one. */
async function note(data: object, conditions: object = TEXT, column?: Readonly<Record<string, string>>) {
  const blobs = createBlobStore(createMemoryStore());
  const lines = PICTURES.map(({ split = 'train', ...attributes }, i) =>
    JSON.stringify({
      id: `000000000000000${i}`,
      name: `${i}.png`,
      original: `sha256:${'0'.repeat(64)}`,
      split,
      attributes,
    }),
  );
  const items = (await blobs.put(Buffer.from(lines.join('\n')))).digest;
  const members = Object.entries(column ?? {}).map(([name, text]) => [name, Buffer.from(text)] as const);
  const caption = column && (await blobs.put(packColumn(new Map(members)))).digest;
  const pages = [{ items, columns: { ...(caption && { caption }) } }];
  const document = { v: 1, kind: 'dataset', pages, removed: [], encoders: {}, counts: {}, rejects: [], links: [] };
  const { digest } = await putDocument(blobs, document);
  return noteSided(blobs, await readDataset(blobs, digest), configSchema.parse({ data, model: { conditions } }));
}

test('pictures that are never mirrored are counted, with the reason of each', async () => {
  expect(await note({ horizontal_flip_prob: 0.5 })).toEqual([
    {
      code: 'never_mirrored',
      count: 3,
      text: '3 pictures of 4 to train on are never mirrored',
      examples: [
        { name: '1.png', text: 'its caption has the word "left"' },
        { name: '2.png', text: 'its attribute flip is false' },
        { name: '3.png', text: 'its caption is not known' },
      ],
    },
  ]);
});

test('without text, words for sides do not matter; without the key, nothing does', async () => {
  expect(await note({ horizontal_flip_prob: 0.5 }, {})).toMatchObject([{ count: 1, examples: [{ name: '2.png' }] }]);
  expect(await note({})).toEqual([]);
});

test('the column of captions counts, with all variants, instead of the captions that import found', async () => {
  const captions = ['a hat on the left', 'a fox', 'x', 'a model said this', 'x'].map((text, i) => [
    memberName('caption', `000000000000000${i}`),
    text,
  ]);
  const second = [memberName('caption', variantId('0000000000000003', 1)), 'the right paw is up'];
  const notes = await note({ horizontal_flip_prob: 0.5 }, TEXT, Object.fromEntries([...captions, second]));
  expect(notes.flatMap(({ examples }) => examples)).toEqual([
    { name: '0.png', text: 'its caption has the word "left"' },
    { name: '2.png', text: 'its attribute flip is false' },
    { name: '3.png', text: 'its caption has the word "right"' },
  ]);
});
