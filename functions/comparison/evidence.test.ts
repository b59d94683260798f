import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { evaluationSchema } from '../../configs/evaluation.ts';
import { memorizationSchema } from '../../configs/memorization.ts';
import { suiteSchema } from '../../configs/validation-suite.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { readEvidence } from './evidence.ts';

const blobs = createBlobStore(createMemoryStore(), LIFETIMES);
const put = async (document: Json) => (await putDocument(blobs, document)).digest;

const scoreOf = (score: string, values: Readonly<Record<string, readonly (number | null)[]>>) => ({
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
        scores: [
          scoreOf('floor', { psnr: [1, 1] }),
          scoreOf('full', { feature_distance: [0.1, 0.3], psnr: [20, null] }),
        ],
      },
      { test: 'swap', weights: 'ema', scores: [scoreOf('to_b', { color_distance: [4, 6] })] },
      { test: 'text', weights: 'ema', scores: [] },
    ],
    controls: [scoreOf('down_up', { feature_distance: [0.01, 0.03] }), scoreOf('noise', { psnr: [5, 7] })],
  });
  const found = await readEvidence(blobs, { suite });
  expect(found.map(({ key, measured, better }) => [key, measured.value, better])).toEqual([
    ['reconstruction/feature_distance', 0.2, 'lower'],
    ['reconstruction/psnr', 20, 'higher'],
    ['swap/color_distance', 5, 'lower'],
  ]);
  expect(found[0]?.label).toBe('reconstruction from all signals: feature distance (dct)');
  expect(found[0]?.measured.byPicture).toEqual(
    new Map([
      ['p', 0.1],
      ['q', 0.3],
    ]),
  );
  expect(found[1]?.measured.byPicture).toEqual(new Map([['p', 20]]));
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
    sizes: [{ width: 32, height: 24, pictures: 2 }],
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
    'quality/text/density': 1,
    'quality/text/coverage': 0.75,
    'quality/text/distance': 3,
    'quality/text/attributes/hair': 0.8,
  });
  expect(found[0]?.label).toBe('drawn from text: KID (dct), at 32 x 24 pixels');
  expect(found.find(({ key }) => key.endsWith('/distance'))?.measured.byPicture?.get('q')).toBe(4);
  expect(found[0]?.controls).toEqual([{ name: 'noise', value: 0.9 }]);
});

test('a table of quality tells CLIPScore of each picture, beside that of control rows, as a number of its net', async () => {
  const comparison = await put({ v: 1, kind: 'set-comparison', links: [] });
  const fitsOf = (items: readonly object[]) =>
    put(JSON.parse(JSON.stringify({ v: 1, kind: 'clip-fits', model: 'clip-vitb32', items, links: [] })));
  const fits = await fitsOf([
    { id: 'p', score: 0.5, rank: 1 },
    { id: 'q', score: 0.7, rank: 4 },
  ]);
  const row = {
    ...{ row: 'drawn', condition: 'text', kid: { mean: 0 }, fd: 2, precision: 1, recall: 1, density: 1, coverage: 1 },
    comparison,
  };
  const clip = (mean: number, rank: number) => ({ score: { mean }, rank, first: 0.5, of: 4 });
  const read = async (net: object, known: object) => {
    const found = await readEvidence(blobs, {
      evaluation: await put({
        ...{ v: 1, kind: 'evaluation', dataset: 'sha256:d', extractor: 'dct', samples: 2, seed: 42, ...net },
        rows: [
          { ...row, ...known },
          { ...row, row: 'real', clip: clip(0.9, 1) },
          { ...row, row: 'noise', clip: clip(0.1, 3) },
        ],
      }),
    });
    return found.filter(({ key }) => key.startsWith('quality/text/clip'));
  };
  const scored = await read({ clip: 'clip-vitb32' }, { clip: { ...clip(0.6, 2.5), fits } });
  expect(scored.map(({ key, better, measured }) => [key, better, measured.value])).toEqual([
    ['quality/text/clip', 'higher', 0.6],
    ['quality/text/clip_rank', 'lower', 2.5],
    ['quality/text/clip_first', 'higher', 0.5],
  ]);
  const [score, rank] = scored;
  expect(score?.label).toBe('drawn from text: fit of picture and caption (CLIPScore) (clip-vitb32)');
  expect(score?.measured.byPicture).toEqual(
    new Map([
      ['p', 0.5],
      ['q', 0.7],
    ]),
  );
  expect(score?.controls).toEqual([
    { name: 'real', value: 0.9 },
    { name: 'noise', value: 0.1 },
  ]);
  expect(rank?.measured.byPicture?.get('q')).toBe(4);
  // A table of before has the means alone. Another net gives the number another meaning.
  const [before] = await read({ clip: 'clip-vitl14' }, { clip: clip(0.6, 2.5) });
  expect(before?.measured).toEqual({ value: 0.6 });
  expect(before?.meaning).not.toEqual(score?.meaning);
  expect(await read({}, {})).toEqual([]);
});

test('a check for copies tells their share above false alarms; a run without documents tells nothing', async () => {
  const space = { extractor: 'thumbnail', excess: 0.02, held_out: { rate: 0.01 } };
  const memorization = await put({ v: 1, kind: 'memorization', dataset: 'd', condition: 'text', spaces: [space] });
  expect(await readEvidence(blobs, { memorization })).toMatchObject([
    { key: 'copies/thumbnail', better: 'lower', measured: { value: 0.02 }, controls: [{ value: 0.01 }] },
  ]);
  expect(await readEvidence(blobs, {})).toEqual([]);
});

test('a check under several conditions tells each, and how often the training had seen its pictures', async () => {
  const space = { extractor: 'dinov2-vits14', excess: 0.02, held_out: { rate: 0.01 } };
  const cosine = { above: 0.9, told: true, excess: 0.04, held_out: { rate: 0.3 } };
  const memorization = await put({
    ...{ v: 1, kind: 'memorization', dataset: 'd', condition: 'text', conditions: ['text', 'full'] },
    ...{ trained: { samples: 40, pictures: 20, passes: 2 } },
    spaces: [
      { ...space, condition: 'text', cosine },
      { ...space, condition: 'full', excess: 0.5 },
    ],
  });
  const found = await readEvidence(blobs, { memorization });
  expect(found.map(({ key, measured, meaning }) => [key, measured.value, meaning])).toEqual([
    ['copies/dinov2-vits14/text', 0.02, expect.objectContaining({ condition: 'text' })],
    ['cosine_copies/dinov2-vits14/text', 0.04, expect.objectContaining({ condition: 'text', above: 0.9 })],
    ['copies/dinov2-vits14/full', 0.5, expect.objectContaining({ condition: 'full' })],
    ['passes', 2, { dataset: 'd' }],
  ]);
  expect(found[1]?.controls).toEqual([{ name: 'false alarms on held-out pictures', value: 0.3 }]);
});

test('a check for copies tells authenticity and the test of data-copying, each beside that of held-out pictures', async () => {
  const space = {
    ...{ extractor: 'dct', excess: 0, held_out: { rate: 0 } },
    authentic: { drawn: { rate: 0.4 }, held_out: { rate: 0.6 } },
    data_copying: { drawn: { score: -2.5 }, held_out: null },
  };
  const spaces = [space, { ...space, extractor: 'thumbnail', authentic: null, data_copying: null }];
  const memorization = await put({ v: 1, kind: 'memorization', dataset: 'd', condition: 'text', spaces });
  const found = await readEvidence(blobs, { memorization });
  expect(found.map(({ key, better, measured, controls }) => [key, better, measured.value, controls])).toEqual([
    ['copies/dct', 'lower', 0, [{ name: 'false alarms on held-out pictures', value: 0 }]],
    ['authentic/dct', undefined, 0.4, [{ name: 'held-out pictures', value: 0.6 }]],
    ['data_copying/dct', undefined, -2.5, []],
    ['copies/thumbnail', 'lower', 0, [{ name: 'false alarms on held-out pictures', value: 0 }]],
  ]);
});

test('documents by their own schemas: pose, swap, LPIPS and copies, each with what its number depends on', async () => {
  const some = digestOf('some');
  const ids = ['p', 'q'];
  const scored = (score: string, values: object) => ({
    ...{ score, of: 'swap', against: 'own', about: '', ids, values, summaries: {}, document: some },
  });
  const testOf = (test: string, scores: readonly object[]) => ({
    test,
    weights: 'ema',
    about: '',
    scores,
    differences: [],
  });
  const suiteOf = async (settings: object) => {
    const document = suiteSchema.parse({
      ...{ v: 1, kind: 'validation-suite', checkpoint: some, dataset: some, step: 8, pictures: 2, seed: 42, steps: 4 },
      ...{ high_guidance: 4, extractor: 'dct', why_extractor: '', lpips: 'lpips-alex', controls: [], drift: [] },
      ...{ drawn: [], links: [], ...settings },
      tests: [
        testOf('reconstruction', [scored('full', { lpips: [0.2, 0.4], psnr: [150, 150] })]),
        testOf('pose', [scored('pose', { feature_distance: [1, 2] })]),
        testOf('swap', [scored('to_a', { cls_distance: [9, 9] }), scored('to_b', { cls_distance: [0.5, 0.7] })]),
      ],
    });
    return readEvidence(blobs, { suite: await put(JSON.parse(JSON.stringify(document))) });
  };
  const suite = await suiteOf({});
  expect(suite.map(({ key, label, measured }) => [key, label, measured.value])).toEqual([
    ['reconstruction/lpips', 'reconstruction from all signals: LPIPS (lpips-alex)', expect.closeTo(0.3)],
    ['reconstruction/psnr', 'reconstruction from all signals: PSNR in dB', 150],
    ['pose/feature_distance', 'held-out pictures from the pose alone: feature distance (dct)', 1.5],
    ['swap/cls_distance', 'look of another picture, kept in a swap: distance of CLS', 0.6],
  ]);
  expect((await suiteOf({ solver: 'heun' }))[0]?.meaning).not.toEqual(suite[0]?.meaning);

  const comparison = await put({ v: 1, kind: 'set-comparison', links: [] });
  const row = {
    ...{ row: 'drawn', about: '', condition: 'pose', extractor: 'dct', real: 9, drawn: 9, kid: { mean: 1, sd: 0 } },
    ...{ fd: 2, k: 5, precision: 1, recall: 1, density: 1, coverage: 1, comparison },
    fidelity: { lpips: { mean: 0.25, low: 0.2, high: 0.3 } },
    pose: { pictures: 9, pck_10: 0.9, pck_05: 0.5, found: 1 },
  };
  const evaluationOf = async (sampling: object, nets = {}, changed = {}) => {
    const document = evaluationSchema.parse({
      ...{ v: 1, kind: 'evaluation', checkpoint: some, dataset: some, extractor: 'dct', why_extractor: '' },
      ...{ lpips: 'lpips-alex', samples: 9, seed: 42, sampling, missing: [], links: [], ...nets },
      rows: [{ ...row, ...changed }],
    });
    return readEvidence(blobs, { evaluation: await put(JSON.parse(JSON.stringify(document))) });
  };
  const quality = await evaluationOf({ steps: 25 });
  const tell = (key: string) => quality.find(each => each.key === `quality/pose/${key}`)?.measured.value;
  expect(['lpips', 'pck', 'pck_05', 'density'].map(tell)).toEqual([0.25, 0.9, 0.5, 1]);
  // Joints that another network finds are another number.
  const [pck, byNet] = [quality, await evaluationOf({ steps: 25 }, { pose: 'dwpose' })].map(all =>
    all.find(({ key }) => key === 'quality/pose/pck'),
  );
  expect(byNet?.label).toBe(`${pck?.label} (dwpose)`);
  expect(byNet?.meaning).not.toEqual(pck?.meaning);
  expect((await evaluationOf({ steps: 4 }))[0]?.meaning).not.toEqual(quality[0]?.meaning);
  // Numbers of sets depend on how many pictures were compared, joints on how many were looked at.
  const known = await evaluationOf({ steps: 25 }, { pose: 'dwpose' });
  const fewer = await evaluationOf({ steps: 25 }, { pose: 'dwpose' }, { real: 5, pose: { ...row.pose, pictures: 4 } });
  const changed = fewer.filter(({ meaning }, i) => !isDeepStrictEqual(meaning, known[i]?.meaning));
  expect(changed.map(({ key }) => key.slice('quality/pose/'.length))).toEqual([
    ...['kid', 'fd', 'precision', 'recall', 'density', 'coverage', 'pck', 'pck_05'],
  ]);

  const copies = { pictures: 9, copies: 1, rate: 1 / 9, low: 0, high: 0.5 };
  const memorizationOf = async (change: object) => {
    const document = memorizationSchema.parse({
      ...{ v: 1, kind: 'memorization', checkpoint: some, dataset: some, ratio: 1 / 3, limit: 0.01, memorized: true },
      ...{ spaces: [{ extractor: 'thumbnail', training: 9, drawn: copies, held_out: null, excess: 1 / 9 }], pairs: [] },
      ...{ condition: 'text', split: 'train', samples: 9, why_extractor: '', gap: null, links: [], ...change },
    });
    return readEvidence(blobs, { memorization: await put(JSON.parse(JSON.stringify(document))) });
  };
  const [copied] = await memorizationOf({});
  expect(copied).toMatchObject({ key: 'copies/thumbnail', measured: { value: 1 / 9 }, controls: [] });
  for (const change of [{ ratio: 0.5 }, { split: 'val' }, { sampling: { steps: 4 } }]) {
    expect((await memorizationOf(change))[0]?.meaning).not.toEqual(copied?.meaning);
  }
});
