/** @file Samples the preview pictures of a checkpoint. */
import { z } from 'zod';
import { weightsSchema } from '../configs/averages.ts';
import { MOST_TRACES } from '../configs/bounds.ts';
import { checkSampling, promptSchema, samplingOf, samplingSchema } from '../configs/sampling.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine } from './execution/runner-job.ts';
import type { PreviewIndex } from './experiments/border/preview-step.ts';
import { PICTURE_TOOLS, samplePictures } from './experiments/sample-pictures.ts';

export const preview = defineFunction({
  name: 'preview',
  summary:
    'Samples the preview pictures of a checkpoint. Outputs image_000 ... (PNG) and index (JSON: the prompt of each ' +
    'picture).',
  version: 5,
  kind: 'pure',
  usesEngine: true,
  tools: PICTURE_TOOLS,
  digests: { checkpoint: 'experiment' },
  example: {
    checkpoint: 'portraits@latest',
    prompts: ['a person with red hair on a pink background'],
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: z
    .strictObject({
      checkpoint: digestSchema.describe(
        'checkpoint, or the name of an experiment with @step, @latest, @best or @clean',
      ),
      prompts: z.array(promptSchema).min(1).max(64).describe('prompts, one picture each'),
      ...samplingSchema.shape,
      weights: weightsSchema.optional().describe('as in sample; default: ema'),
      traces: z.array(digestSchema).max(MOST_TRACES).optional().describe('as in sample'),
      width: z.int().min(1).max(4096).optional().describe('width in pixels; default: width of the training pictures'),
      height: z
        .int()
        .min(1)
        .max(4096)
        .optional()
        .describe('height in pixels; default: height of the training pictures'),
    })
    .superRefine(checkSampling),
  async run(ctx, { engine: given, ...request }) {
    const engine = requireEngine(given);
    const { weights = 'ema' } = request;
    const { images, stats } = await samplePictures(ctx, { ...request, first: 0, weights, engine });
    const { checkpoint, prompts } = request;
    const index: PreviewIndex = {
      v: 1,
      kind: 'previews',
      checkpoint,
      ...samplingOf(request),
      ...(weights !== 'ema' && { weights }),
      pictures: Object.values(images).map((image, i) => ({ prompt: prompts[i] ?? '', image })),
      links: [...new Set(Object.values(images).map(image => image.digest))],
    };
    const indexRef = await putDocument(ctx.blobs, index);
    return { outputs: { index: indexRef, ...images }, stats };
  },
});
