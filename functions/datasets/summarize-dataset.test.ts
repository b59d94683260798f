import { expect, test } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import { groupRejects, kindOfReject } from './rejects-by-reason.ts';
import { summarizeDataset } from './summarize-dataset.ts';

const PAGE = { items: digestOf('items'), columns: { image: digestOf('image'), caption: digestOf('caption') } };

function datasetOf(more: Partial<Dataset>): Dataset {
  const counts = { pictures: 6000, train: 5400, val: 300, test: 300 };
  return { v: 1, kind: 'dataset', pages: [PAGE], removed: [], encoders: {}, counts, rejects: [], links: [], ...more };
}

const wordsOf = (more: Partial<Dataset>) => summarizeDataset(datasetOf(more)).summary;

test('a set that fits has three lines', () => {
  expect(wordsOf({ buckets: [{ width: 64, height: 64, pictures: 6000, train: 5400 }] })).toEqual([
    '6,000 pictures taken: 5,400 to train, 300 for validation, 300 for tests',
    'sizes in pixels: 6,000 of 64 x 64',
    'captions: every picture has one',
  ]);
});

test('everything that was decided is said, with the worst pictures', () => {
  const example = (name: string, text: string) => ({ name, text });
  const told = wordsOf({
    counts: { pictures: 3, train: 3, val: 0, test: 0, hidden: 2, removed: 1 },
    buckets: [
      { width: 96, height: 96, pictures: 2, train: 2 },
      { width: 128, height: 64, pictures: 1, train: 1 },
    ],
    notes: [
      { code: 'enlarged', count: 1, text: '1 picture is enlarged', examples: [example('tiny.png', '6 times')] },
      {
        code: 'caption_missing',
        count: 2,
        text: '2 pictures have no caption',
        examples: [example('a.png', 'no caption'), example('b.png', 'no caption')],
      },
    ],
    rejects: [
      { name: 'README.md', reason: 'a text, by its content', group: 'a text, which is not read' },
      { name: 'copy.png', id: '0'.repeat(16), reason: 'the same bytes as a.png', group: 'the same bytes as another' },
      ...['1', '2', '3', '4'].map(name => ({ name: `${name}.heic`, reason: 'HEIC, by its content', group: 'HEIC' })),
      { name: 'orphan.txt', reason: 'no picture is called that' },
    ],
  });
  expect(told).toEqual([
    '3 pictures taken: 3 to train, 0 for validation, 0 for tests',
    'sizes in pixels: 2 of 96 x 96, 1 of 128 x 64',
    'captions: 1 of 3 pictures has one, 2 have none: a.png, b.png',
    '1 picture is enlarged: tiny.png (6 times)',
    '4 pictures rejected: HEIC: 1.heic, 2.heic, 3.heic and 1 more',
    '1 picture rejected: the same bytes as another: copy.png',
    '1 text not used: no picture is called that: orphan.txt',
    '1 other file left out: a text, which is not read: README.md',
    '2 hidden files left out (names that begin with a dot)',
    '1 picture of earlier imports removed',
  ]);
});

test('an imported set, which has no splits, sizes or captions yet, says what it has', () => {
  const pages = [{ items: PAGE.items, columns: {} }];
  expect(wordsOf({ pages, counts: { pictures: 1 } })).toEqual(['1 picture taken']);
});

test('many reasons and sizes stay a few lines, and no reject is forgotten', () => {
  const rejects = Array.from({ length: 30 }, (_, i) => ({ name: `${i}.png`, reason: `reason ${i}` }));
  const buckets = Array.from({ length: 20 }, (_, i) => ({ width: 8 * (i + 1), height: 8, pictures: 1, train: 1 }));
  const told = wordsOf({ rejects, buckets });
  expect(told[1]).toMatch(/, 1 of 96 x 8 and 8 more$/);
  expect(told.filter(line => line.includes('rejected'))).toHaveLength(13);
  expect(told.at(-1)).toBe('18 pictures rejected for other reasons');
});

test('a reject is a picture by its bytes or its name', () => {
  const kind = (name: string, id?: string) => kindOfReject({ name, reason: '', ...(id && { id }) });
  expect(['a.PNG', 'b.heic', 'c/d.nef', 'page.jpg'].map(name => kind(name))).toEqual(Array(4).fill('picture'));
  expect(['a.txt', 'metadata.jsonl', 'x.json'].map(name => kind(name))).toEqual(Array(3).fill('text'));
  expect(['Thumbs.db', 'README.md', 'png', 'x.png/private'].map(name => kind(name))).toEqual(Array(4).fill('file'));
  expect(kind('a.dat', '0'.repeat(16))).toBe('picture');
});

test('rejects of one group are counted together, whatever their own reasons', () => {
  const same = (name: string, of: string) => ({ name, reason: `the same bytes as ${of}`, group: 'the same bytes' });
  expect(groupRejects([same('a.png', 'x'), { name: 'n.md', reason: 'text' }, same('b.png', 'y')])).toEqual([
    { of: 'picture', text: 'the same bytes', count: 2, examples: ['a.png', 'b.png'] },
    { of: 'file', text: 'text', count: 1, examples: ['n.md'] },
  ]);
});

test('networks of others that made columns are named with their licences', () => {
  const weights = { model: [digestOf('weights')] };
  const encoders = { text: { name: 'minilm-l6', dim: 384, weights }, cls: { name: 'dct', dim: 64 } };
  const told = summarizeDataset(datasetOf({ encoders }));
  expect(told.licenses).toMatchObject([{ model: 'minilm-l6', license: 'Apache-2.0' }]);
  expect(told.summary.at(-1)).toContain('made with minilm-l6, whose licence is Apache-2.0; whether it binds');
});
