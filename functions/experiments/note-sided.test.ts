import { expect, test } from 'vitest';
import { configSchema } from '../../configs/schema.ts';
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

async function note(data: object, conditions: object = { text: { encoder: 'words', dim: 8, tokens: 8 } }) {
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
  const pages = [{ items, columns: {} }];
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
