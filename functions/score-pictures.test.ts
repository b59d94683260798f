import { beforeAll, describe, expect, test } from 'vitest';
import { pictureScoresSchema, scoreDifferencesSchema } from '../configs/picture-scores.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn } from '../formats/webdataset.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { outputOf } from './execution/output-of.ts';
import { createTrainingLab, type TrainingLab } from './testing/training.ts';

const SIDE = 24;
let lab: TrainingLab;

/** A ramp with an offset for each picture, and something done to it. */
async function putColumn(
  change: (level: number, at: number) => number = level => level,
  ids = ['a', 'b', 'c'],
  side = SIDE,
): Promise<Digest> {
  const members = ids.map((id, n) => {
    const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => change(40 * n + (i % side) * 4, i));
    return [`${id}.image.npy`, encodeNpy({ dtype: 'u8', shape: [3, side, side], data })] as const;
  });
  return (await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar')).digest;
}

async function score(pictures: Digest, against: Digest, features: object[] = []) {
  const { result } = await lab.executor.call('score-pictures', { pictures, against, features: features as never });
  const digest = outputOf(result, 'scores');
  return { digest, ...(await readDocument(lab.blobs, digest, pictureScoresSchema, 'scores')) };
}

async function describeBy(extractor: string, pictures: Digest): Promise<Digest> {
  return outputOf((await lab.executor.call('features', { pictures, extractor })).result, 'index');
}

beforeAll(() => {
  lab = createTrainingLab();
});

describe('score-pictures', () => {
  test('equal pictures are equal by every measure', async () => {
    const column = await putColumn();
    const index = await describeBy('thumbnail', column);
    const { values, ids, ms_ssim_scales } = await score(column, column, [{ pictures: index, against: index }]);
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(ms_ssim_scales).toBe(2);
    const equal = { psnr: 150, ssim: 1, ms_ssim: 1, color_distance: 0, feature_distance: 0 };
    for (const [measure, wanted] of Object.entries(equal)) {
      for (const value of values[measure as keyof typeof equal] ?? [Number.NaN]) expect(value).toBeCloseTo(wanted, 6);
    }
  });

  test('colours are compared wherever they lie, by levels', async () => {
    const [real, brighter] = [await putColumn(), await putColumn(level => level + 10)];
    expect((await score(brighter, real)).values.color_distance).toEqual([10, 10, 10]);
    const mirrored = await putColumn((level, i) => level - (i % SIDE) * 4 + (SIDE - 1 - (i % SIDE)) * 4);
    const { values } = await score(mirrored, real);
    expect(values.color_distance).toEqual([0, 0, 0]);
    expect(Math.max(...(values.psnr ?? []).map(Number))).toBeLessThan(20);
  });

  test('pictures of one column alone take no part, and other sizes are refused', async () => {
    const real = await putColumn();
    expect((await score(await putColumn(undefined, ['c', 'x', 'a']), real)).ids).toEqual(['c', 'a']);
    await expect(score(await putColumn(undefined, ['a'], 32), real)).rejects.toThrow(
      'the picture a has 32 x 32 pixels, and the other 24 x 24',
    );
    await expect(score(await putColumn(undefined, ['x']), real)).rejects.toThrow('no picture in common');
  });

  test('a picture without a measure has no number of it, and takes no part in its mean nor in differences', async () => {
    const [column, fewer] = [await putColumn(), await putColumn(undefined, ['a', 'c'])];
    const [all, some] = [await describeBy('thumbnail', column), await describeBy('thumbnail', fewer)];
    const partial = await score(column, column, [{ pictures: all, against: some }]);
    expect(partial.values.feature_distance?.map(value => value !== null)).toEqual([true, false, true]);
    expect([partial.summaries.feature_distance?.n, partial.summaries.psnr?.n]).toEqual([2, 3]);
    const whole = await score(column, column, [{ pictures: all, against: all }]);
    const { result } = await lab.executor.call('compare-scores', { a: partial.digest, b: whole.digest });
    const digest = outputOf(result, 'differences');
    const { measures } = await readDocument(lab.blobs, digest, scoreDifferencesSchema, 'differences');
    expect([measures.feature_distance?.n, measures.psnr?.n]).toEqual([2, 3]);
  });

  test('scores of other pictures are refused', async () => {
    const [column, other] = [await putColumn(), await putColumn(level => level + 10)];
    const about = { v: 1, pictures: other, items: [], links: [] };
    const means = { score: null, rank: null, first: null };
    const clip = await putDocument(lab.blobs, { ...about, kind: 'clip-score', model: 'clip-vitb32', ...means });
    const poses = await putDocument(lab.blobs, { ...about, kind: 'pose-scores', model: 'dwpose', dataset: other });
    for (const [key, { digest }] of Object.entries({ clip, poses })) {
      const body = { pictures: column, against: column, [key]: digest };
      await expect(lab.executor.call('score-pictures', body)).rejects.toThrow(`${key} is about other pictures`);
    }
  });

  test('features of two extractors are no distance', async () => {
    const column = await putColumn();
    const [one, other] = [await describeBy('thumbnail', column), await describeBy('dct', column)];
    await expect(score(column, column, [{ pictures: one, against: other }])).rejects.toThrow('cannot be compared');
  });
});

test('compare-scores is the mean difference of the pictures that both have, and is sure of a constant one', async () => {
  const real = await putColumn();
  const far = await score(await putColumn(level => level + 30), real);
  const near = await score(await putColumn(level => level + 10, ['b', 'a']), real);
  const { result } = await lab.executor.call('compare-scores', { a: far.digest, b: near.digest });
  const digest = outputOf(result, 'differences');
  const { measures } = await readDocument(lab.blobs, digest, scoreDifferencesSchema, 'differences');
  const [b = 0, a = 0] = (near.values.color_distance ?? []).map(Number);
  const wanted = (30 - a + (30 - b)) / 2;
  expect(measures.color_distance?.n).toBe(2);
  expect(measures.color_distance?.mean).toBeCloseTo(wanted, 9);
});
