/** @file Scores of drawn pictures against others, pair by pair. */
import { z } from 'zod';
import { clipScoresSchema } from '../configs/clip-scores.ts';
import { shownSchema } from '../configs/evaluation.ts';
import type { MeasureName, PictureScores } from '../configs/picture-scores.ts';
import { type JointScore, poseScoresSchema } from '../configs/pose-scores.ts';
import { listClear, vqaScoresSchema } from '../configs/vqa-scores.ts';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readColumnIndex } from '../formats/webdataset.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { readFeatures } from './evaluation/feature-sets.ts';
import type { ScoredPairs, ScorePairsTask } from './evaluation/score-pairs.ts';

const featurePair = z.strictObject({
  measure: z.enum(['feature_distance', 'cls_distance']).default('feature_distance'),
  pictures: digestSchema.describe('output index of features of the first column'),
  against: digestSchema.describe('the same of the second column'),
});

export const scorePictures = defineFunction({
  name: 'score-pictures',
  summary:
    'Scores pictures against others of the same ids, pair by pair: PSNR, SSIM, MS-SSIM, colours; and what networks ' +
    'and probes found. Output scores (JSON).',
  version: 2,
  kind: 'pure',
  digests: { pictures: 'blob', against: 'blob' },
  example: { pictures: `sha256:${'0'.repeat(64)}`, against: `sha256:${'1'.repeat(64)}` },
  input: z.strictObject({
    pictures: digestSchema.describe('column of pictures, as draw makes it'),
    against: digestSchema.describe('another, with pictures of the same ids and sizes'),
    features: z.array(featurePair).max(2).optional().describe('features of both columns, for distances of those'),
    lpips: digestSchema.optional().describe('output distances of distance of both columns'),
    shown: digestSchema.optional().describe('output shown of probe-pictures of the first column, for its joints'),
    poses: digestSchema.optional().describe('output scores of score-poses of the first column, instead of shown'),
    clip: digestSchema.optional().describe('output scores of clip-score of the first column'),
    vqa: digestSchema.optional().describe('output scores of vqa-score of the first column'),
  }),
  async run(ctx, { pictures, against, features = [], lpips, shown, poses, clip, vqa }) {
    const columns = await Promise.all([pictures, against].map(column => ctx.blobs.get(column)));
    const [first = new Uint8Array(), second = new Uint8Array()] = columns;
    const given: Partial<Record<MeasureName, Readonly<Record<string, number>>>> = {};
    for (const pair of features) given[pair.measure] = await featureDistances(ctx, pair);
    if (lpips) given.lpips = await readDistances(ctx, lpips, first);
    if (clip) given.clip_score = await readFits(ctx, clip, pictures);
    if (vqa) Object.assign(given, await readAnswers(ctx, vqa, pictures));
    if (shown) Object.assign(given, await readJoints(ctx, shown, pictures));
    if (poses) Object.assign(given, await readPoses(ctx, poses, pictures));
    const task: ScorePairsTask = { pictures: first, against: second, given };
    const scored = await ctx.task<ScoredPairs>('score-pairs', task);
    const document: PictureScores = { v: 1, kind: 'picture-scores', ...scored, links: [] };
    return { outputs: { scores: await putDocument(ctx.blobs, document) }, stats: { pictures: scored.ids.length } };
  },
});

/** The share of the joints that are right, of each picture of which joints were read. */
async function readJoints(ctx: FunctionContext, shown: Digest, column: Digest) {
  const { pictures, joints = [] } = await readDocument(ctx.blobs, shown, shownSchema, 'shown attributes');
  requireColumn(column, pictures, 'shown', 'probe-pictures');
  return sharesOf(joints);
}

async function readPoses(ctx: FunctionContext, poses: Digest, column: Digest) {
  const { pictures, items } = await readDocument(ctx.blobs, poses, poseScoresSchema, 'scores of poses');
  requireColumn(column, pictures, 'poses', 'score-poses');
  return { ...sharesOf(items), oks: Object.fromEntries(items.map(({ id, oks }) => [id, oks])) };
}

function sharesOf(persons: readonly (JointScore & { readonly id: string })[]) {
  const share = (right: 'right_10' | 'right_05') =>
    Object.fromEntries(persons.map(each => [each.id, each[right] / each.joints]));
  return { pck: share('right_10'), pck_05: share('right_05') };
}

function requireColumn(column: Digest, found: string, key: string, maker: string): void {
  if (found === column) return;
  throw new InvalidInput(`${key} is about other pictures`, {
    expected: `an output of ${maker} of the column pictures`,
  });
}

async function readFits(ctx: FunctionContext, clip: Digest, column: Digest): Promise<Record<string, number>> {
  const { pictures, items } = await readDocument(ctx.blobs, clip, clipScoresSchema, 'scores of CLIP');
  requireColumn(column, pictures, 'clip', 'clip-score');
  return Object.fromEntries(items.map(({ id, score }) => [id, score]));
}

/** Of the pictures whose two questions were answered by yes or no. */
async function readAnswers(ctx: FunctionContext, vqa: Digest, column: Digest) {
  const scores = await readDocument(ctx.blobs, vqa, vqaScoresSchema, 'answers about pictures');
  requireColumn(column, scores.pictures, 'vqa', 'vqa-score');
  const clear = listClear(scores);
  return {
    vqa: Object.fromEntries(clear.map(({ id, right }) => [id, right])),
    vqa_difference: Object.fromEntries(clear.map(({ id, right, distractor }) => [id, right - distractor])),
  };
}

/** 1 - cosine of the rows of each id that both have. */
async function featureDistances(
  ctx: FunctionContext,
  { pictures, against }: z.infer<typeof featurePair>,
): Promise<Record<string, number>> {
  const [a, b] = [await readFeatures(ctx.blobs, [pictures]), await readFeatures(ctx.blobs, [against])];
  if (a.extractor !== b.extractor || a.dim !== b.dim) {
    throw new Unprocessable(`features of ${a.extractor} cannot be compared with features of ${b.extractor}`, {
      expected: 'features of both columns by one extractor',
    });
  }
  const places = new Map(b.ids.map((id, row) => [id, row]));
  return Object.fromEntries(
    a.ids.flatMap((id, row) => {
      const other = places.get(id);
      if (other === undefined) return [];
      return [[id, 1 - cosine(rowOf(a, row), rowOf(b, other))] as const];
    }),
  );
}

function rowOf({ data, dim }: { readonly data: Float32Array; readonly dim: number }, row: number): Float32Array {
  return data.subarray(row * dim, (row + 1) * dim);
}

/** Of rows without length: 1 if both are, else 0. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [product, x, y] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    x += a[i]! ** 2;
    y += b[i]! ** 2;
  }
  if (x === 0 || y === 0) return x === y ? 1 : 0;
  return Math.min(1, product / Math.sqrt(x * y));
}

/** The rows of the array are the members of the column. */
async function readDistances(ctx: FunctionContext, distances: Digest, column: Uint8Array) {
  const { dtype, data } = decodeNpy(await ctx.blobs.get(distances));
  const names = [...readColumnIndex(column).keys()];
  if (dtype !== 'f32' || data.length !== names.length) {
    throw new Unprocessable(`${data.length} distances of ${dtype} for ${names.length} pictures`, {
      expected: 'the output distances of distance of the same columns: npy f32 [pictures]',
    });
  }
  return Object.fromEntries(names.map((name, i) => [name.slice(0, name.indexOf('.')), data[i] ?? 0]));
}
