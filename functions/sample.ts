/** @file Pictures from prompts. */
import { z } from 'zod';
import { samplingSchema } from '../configs/sampling.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine } from './execution/runner-job.ts';
import { PICTURE_TOOLS, samplePictures } from './experiments/sample-pictures.ts';

/** Numbers x, y in [-1, 1] and confidence in [0, 1] of each joint of COCO-WholeBody. */
const poseSchema = z.array(z.array(z.number()).length(3)).length(133);

export const sampleInput = z.strictObject({
  checkpoint: digestSchema.describe('checkpoint, or the name of an experiment with @step, @latest or @best'),
  prompts: z.array(z.string().max(2000)).min(1).max(64).describe('one picture each'),
  negative_prompt: z.string().max(2000).optional().describe('what guidance leads away from; left out: no text at all'),
  reference: digestSchema.optional().describe('a picture whose look and layout to follow'),
  pose: poseSchema.optional().describe('133 joints: [x, y, confidence], x and y in [-1, 1] of the picture'),
  width: z.int().min(1).max(4096).optional().describe('pixels; default: as trained'),
  height: z.int().min(1).max(4096).optional().describe('pixels; default: as trained'),
  ...samplingSchema.shape,
  first: z.int().nonnegative().default(0).describe('picture i starts from the noise of (seed, first + i)'),
  weights: z.enum(['ema', 'raw']).default('ema'),
});

export const sample = defineFunction({
  name: 'sample',
  summary: 'Makes one picture per prompt: outputs image_000 ... (PNG) and pixels (npy uint8 [n, height, width, 3]).',
  version: 3,
  kind: 'pure',
  usesEngine: true,
  tools: PICTURE_TOOLS,
  digests: { checkpoint: 'experiment', reference: 'blob' },
  example: {
    checkpoint: 'portraits@latest',
    prompts: ['a person with red hair wearing round glasses in a navy hoodie on a pink background'],
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: sampleInput,
  async run(ctx, { engine, ...request }) {
    const { pixels, images, stats } = await samplePictures(ctx, { ...request, engine: requireEngine(engine) });
    return { outputs: { pixels, ...images }, stats };
  },
});
