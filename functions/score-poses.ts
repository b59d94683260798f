/** @file How well pictures show the poses that a dataset has of them, by the joints that a network finds. */
import { z } from 'zod';
import type { PoseScores } from '../configs/pose-scores.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema, PAGE_SIZE } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { dwposeEncoder } from './encoders/dwpose.ts';
import { encodeOnRunner } from './encoders/encode-on-runner.ts';
import { requireWeights } from './encoders/weights.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { isPose, scorePerson } from './evaluation/score-joints.ts';
import { readWanted } from './evaluation/wanted.ts';
import { requireEngine } from './execution/runner-job.ts';

const WEIGHT = `sha256:${'0'.repeat(64)}`;

export const scorePoses = defineFunction({
  name: 'score-poses',
  summary:
    'Finds the joints of the largest person in each picture by DWPose, and compares them with the pose that the ' +
    'dataset has under the id of the picture: PCK, OKS, MPJPE, PA-MPJPE, by parts of the body. Output scores (JSON).',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  digests: { dataset: 'dataset', pictures: 'blob' },
  example: { dataset: 'mine', pictures: WEIGHT, weights: { detector: [WEIGHT], pose: [WEIGHT] } },
  input: z.strictObject({
    dataset: digestSchema.describe('has the wanted poses, by the ids of the pictures'),
    pictures: digestSchema.describe('column of pictures: what draw or control-pictures made'),
    most: z
      .int()
      .min(1)
      .max(PAGE_SIZE)
      .default(PAGE_SIZE)
      .describe('the first so many pictures that have a pose: DWPose takes seconds for a picture on a CPU'),
    weights: z.record(z.string(), z.array(digestSchema)).describe('of dwpose, by part, as GET /models/dwpose has them'),
    ...dwposeEncoder.options.shape,
  }),
  async run(ctx, { dataset, pictures: column, most, weights: given, engine, ...options }) {
    const weights = requireWeights(dwposeEncoder, given, options);
    const all = readPictures(await ctx.blobs.get(column));
    const wanted = await readWanted(ctx.blobs, dataset, new Set(all.map(({ id }) => id)));
    const asked = all
      .flatMap(({ id, picture }) => {
        const pose = wanted.get(id)?.pose;
        return pose && isPose(pose) ? [{ id, picture, pose }] : [];
      })
      .slice(0, most);
    const rows =
      asked.length === 0
        ? []
        : await encodeOnRunner(ctx, dwposeEncoder, {
            ...{ options, weights, signals: ['pose'], engine: requireEngine(engine) },
            inputs: asked.map(({ picture }) => picture),
          });
    const items = asked.map(({ id, picture, pose }, i) => ({ id, ...scorePerson(rows[i]?.pose?.data, pose, picture) }));
    const document: PoseScores = {
      ...{ v: 1, kind: 'pose-scores', model: dwposeEncoder.name, dataset, pictures: column, items },
      links: [],
    };
    return { outputs: { scores: await putDocument(ctx.blobs, document) }, stats: { pictures: items.length } };
  },
});
