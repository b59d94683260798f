/** @file Distances of the pictures of two columns by a network, pair by pair. */
import { z } from 'zod';
import { DEFAULT_LPIPS_NET, LPIPS_MODELS, lpipsModelOf } from '../configs/lpips.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';

export const distance = defineFunction({
  name: 'distance',
  summary:
    'Compares the pictures of two columns pair by pair by LPIPS, the perceptual distance: 0 for equal pictures. ' +
    'Outputs distances (npy f32, one for each picture of the first column, in its order).',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  digests: { a: 'blob', b: 'blob' },
  example: {
    a: `sha256:${'0'.repeat(64)}`,
    b: `sha256:${'1'.repeat(64)}`,
    net: 'lpips-alex',
    weights: { heads: [`sha256:${'2'.repeat(64)}`], trunk: [`sha256:${'3'.repeat(64)}`] },
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: z.strictObject({
    a: digestSchema.describe('column of pictures, as draw makes it, or the column image of a page'),
    b: digestSchema.describe('another, with pictures of the same ids and sizes'),
    net: z
      .enum(LPIPS_MODELS)
      .default(lpipsModelOf(DEFAULT_LPIPS_NET))
      .describe(`one of ${LPIPS_MODELS.join(', ')}`),
    weights: z
      .record(z.string(), z.array(digestSchema).min(1))
      .describe('of the net, by part: GET /models/NAME shows them once they are installed'),
  }),
  async run(ctx, { engine, ...body }) {
    // Products of short numbers would change the third digit of a distance: it is defined in f32.
    const exact = { ...requireEngine(engine), precision: 'f32' } as const;
    const { outputs, links, stats } = await runJob(ctx, { kind: 'distance', ...body, engine: exact });
    return { outputs, links, stats };
  },
});
