import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { readEvidence } from './evidence.ts';

const blobs = createBlobStore(createMemoryStore(), LIFETIMES);
const put = async (document: Json) => (await putDocument(blobs, document)).digest;

const scoreOf = (score: string, values: Readonly<Record<string, readonly number[]>>) => ({
  score,
  ids: ['p', 'q'],
  values: Object.fromEntries(Object.entries(values).map(([name, list]) => [name, [...list]])),
});

test('a validation tells the scores of each picture by averaged weights, beside controls', async () => {
  const suite = await put({
    v: 1,
    kind: 'validation-suite',
    dataset: 'sha256:d',
    seed: 42,
    extractor: 'dct',
    tests: [
      { test: 'reconstruction', weights: 'raw', scores: [scoreOf('full', { feature_distance: [9, 9] })] },
      {
        test: 'reconstruction',
        weights: 'ema',
        scores: [scoreOf('floor', { psnr: [1, 1] }), scoreOf('full', { feature_distance: [0.1, 0.3], psnr: [20, 22] })],
      },
      { test: 'swap', weights: 'ema', scores: [scoreOf('to_b', { color_distance: [4, 6] })] },
      { test: 'text', weights: 'ema', scores: [] },
    ],
    controls: [scoreOf('down_up', { feature_distance: [0.01, 0.03] }), scoreOf('noise', { psnr: [5, 7] })],
  });
  const found = await readEvidence(blobs, { suite });
  expect(found.map(({ key, measured, better }) => [key, measured.value, better])).toEqual([
    ['reconstruction/feature_distance', 0.2, 'lower'],
    ['reconstruction/psnr', 21, 'higher'],
    ['swap/color_distance', 5, 'lower'],
  ]);
  expect(found[0]?.label).toBe('reconstruction from all signals: feature distance (dct)');
  expect(found[0]?.measured.byPicture).toEqual(
    new Map([
      ['p', 0.1],
      ['q', 0.3],
    ]),
  );
  expect(found.map(({ controls }) => controls)).toEqual([
    [{ name: 'down up', value: 0.02 }],
    [{ name: 'noise', value: 6 }],
    [],
  ]);
});

test('a table of quality tells distances of sets, attributes and distances of pictures, beside its control rows', async () => {
  const comparison = await put({
    v: 1,
    kind: 'set-comparison',
    distances: [
      { id: 'p', distance: 2 },
      { id: 'q', distance: 4 },
    ],
    links: [],
  });
  const row = (name: string, kid: number) => ({
    row: name,
    kid: { mean: kid, sd: 0 },
    ...{ fd: 2, precision: 0.5, recall: 0.25, density: 1, coverage: 0.75, comparison },
  });
  const evaluation = await put({
    v: 1,
    kind: 'evaluation',
    ...{ dataset: 'sha256:d', extractor: 'dct', samples: 2, seed: 42 },
    rows: [
      { ...row('drawn', 0.1), condition: 'text', distance: { mean: 3 }, attributes: { hair: { share: 0.8 } } },
      row('beside other@9', 7),
      row('noise', 0.9),
    ],
  });
  const found = await readEvidence(blobs, { evaluation });
  expect(Object.fromEntries(found.map(({ key, measured }) => [key, measured.value]))).toEqual({
    'quality/text/kid': 0.1,
    'quality/text/fd': 2,
    'quality/text/precision': 0.5,
    'quality/text/recall': 0.25,
    'quality/text/coverage': 0.75,
    'quality/text/distance': 3,
    'quality/text/attributes/hair': 0.8,
  });
  expect(found.find(({ key }) => key.endsWith('/distance'))?.measured.byPicture?.get('q')).toBe(4);
  expect(found[0]?.controls).toEqual([{ name: 'noise', value: 0.9 }]);
});

test('a check for copies tells their share above false alarms; a run without documents tells nothing', async () => {
  const space = { extractor: 'thumbnail', excess: 0.02, held_out: { rate: 0.01 } };
  const memorization = await put({ v: 1, kind: 'memorization', dataset: 'd', condition: 'text', spaces: [space] });
  expect(await readEvidence(blobs, { memorization })).toMatchObject([
    { key: 'copies/thumbnail', better: 'lower', measured: { value: 0.02 }, controls: [{ value: 0.01 }] },
  ]);
  expect(await readEvidence(blobs, {})).toEqual([]);
});
