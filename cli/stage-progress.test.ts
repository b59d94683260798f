import { expect, test } from 'vitest';
import { estimateSchema } from '../configs/estimate.ts';
import { nameOf } from './commands/prepare.ts';
import { formatEstimate } from './format-estimate.ts';
import { createStageProgress } from './stage-progress.ts';

test('events of stages count pictures and stages, also of a stage that runs twice', () => {
  let time = 0;
  const relabel = createStageProgress(
    { stages: ['import', 'bucket', 'encode-image', 'encode-image', 'report'], pictures: 130 },
    () => time,
  );
  const pages = (phase: string, done: number, items: number) =>
    relabel({ phase, done, total: 3, unit: 'pages', metrics: { items, computed_items: items } });
  expect(relabel({ phase: 'import', done: 5, total: 200, unit: 'files' })).toEqual({
    phase: '1/5 import',
    done: 5,
    total: 200,
    unit: 'files',
  });
  expect(relabel({ phase: 'store', done: 1, total: 130, unit: 'pictures' }).phase).toBe('1/5 store');
  expect(relabel({ phase: 'bucket', done: 0, total: 3, unit: 'pages' }).phase).toBe('2/5 bucket');
  expect(pages('bucket', 0, 10)).toEqual({ phase: '2/5 bucket', done: 10, total: 130, unit: 'pictures' });
  time = 2000;
  expect(pages('bucket', 1, 64)).toMatchObject({ done: 64, metrics: { pictures_per_second: 27 } });
  // Two pictures were rejected or equal.
  expect(pages('bucket', 3, 128)).toMatchObject({ done: 128, total: 128 });
  expect(relabel({ phase: 'encode-image', done: 0, total: 3 }).phase).toBe('3/5 encode-image');
  expect(pages('encode-image', 3, 128).phase).toBe('3/5 encode-image');
  expect(relabel({ phase: 'encode-image', done: 0, total: 3 }).phase).toBe('4/5 encode-image');
  expect(relabel({ phase: 'unforeseen', message: 'x' })).toEqual({ phase: '5/5 unforeseen', message: 'x' });
});

test('an estimate is told in lines', () => {
  const lines = formatEstimate(
    estimateSchema.parse({
      v: 1,
      folder: '/home/me/pictures',
      found: { files: 2001, pictures: 1000, bytes: 2_500_000_000, texts: 1000 },
      probe: { pictures: 16, rejected: 0, uncaptioned: 3, seconds: 2.4 },
      stages: [
        { name: 'import', seconds_per_picture: 0.01, seconds: 10 },
        { name: 'encode-text', seconds_per_picture: 0.125, seconds: 125 },
        { name: 'report', seconds_per_picture: 0, seconds: 1 },
      ],
      seconds: 136,
      disk: {
        originals_bytes: 2_500_000_000,
        bytes_per_picture: { image: 196_608, text: 24_000 },
        total_bytes: 2_720_608_000,
      },
      problems: ['3 pictures have no caption'],
      assumptions: ['no other work goes on'],
    }),
  );
  expect(lines).toEqual([
    '/home/me/pictures: 1,000 pictures, 2.50 GB; 1,000 texts; 2,001 files in all',
    'time, measured on 16 pictures in 2s:',
    '  import       10s, 100 pictures/s',
    '  encode-text  2m05s, 8 pictures/s',
    '  report       1s',
    '  together     about 2m16s',
    'disk: 2.72 GB: copies of the files 2.50 GB; for each picture image 197 KB, text 24.0 KB',
    'problem: 3 pictures have no caption',
    'assumed: no other work goes on',
  ]);
});

test.each([
  ['/home/me/My Pictures', 'my-pictures'],
  ['/home/me/Été 2024/', 'ete-2024'],
  ['/data/_raw', 'raw'],
])('the folder %s names the dataset %s', (folder, name) => {
  expect(nameOf(folder)).toBe(name);
});

test('a folder whose name has no letter gives no name', () => {
  expect(() => nameOf('/data/写真')).toThrow('gives no name');
});

test('stages that are not known are counted without a total, and so are pictures', () => {
  const relabel = createStageProgress({ stages: [], pictures: 0 }, () => 0);
  expect(relabel({ phase: 'import', done: 1, total: 2 }).phase).toBe('1 import');
  const bucket = relabel({ phase: 'bucket', done: 1, total: 3, unit: 'pages', metrics: { items: 64 } });
  expect(bucket).toEqual({ phase: '2 bucket', done: 1, total: 3, unit: 'pages', metrics: { items: 64 } });
});
