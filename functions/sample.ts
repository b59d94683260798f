/** @file Samples pictures for prompts. */
import { z } from 'zod';
import { weightsSchema } from '../configs/averages.ts';
import { LARGEST_FLOAT, MOST_PICTURES, MOST_TRACES } from '../configs/bounds.ts';
import { checkSampling, promptSchema, samplingSchema } from '../configs/sampling.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { requireEngine } from './execution/runner-job.ts';
import { PICTURE_TOOLS, samplePictures } from './experiments/sample-pictures.ts';

/** Numbers x, y in [-1, 1] and confidence in [0, 1] of each joint of COCO-WholeBody. */
const poseSchema = z.array(z.array(z.number().min(-LARGEST_FLOAT).max(LARGEST_FLOAT)).length(3)).length(133);

export const sampleInput = z.strictObject({
  checkpoint: digestSchema.describe('checkpoint, or the name of an experiment with @step, @latest, @best or @clean'),
  prompts: z.array(promptSchema).min(1).max(64).describe('prompts, one picture each'),
  negative_prompt: promptSchema
    .optional()
    .describe('text that guidance leads away from; absent: guidance leads away from no text'),
  reference: digestSchema.optional().describe('digest of a picture whose look and layout the sample follows'),
  pose: poseSchema.optional().describe('133 joints: [x, y, confidence], x and y in [-1, 1] of the picture'),
  poses: z.array(poseSchema).min(1).max(64).optional().describe('a pose for each prompt, instead of one for all'),
  pose_picture: digestSchema
    .optional()
    .describe(
      'digest of a picture whose largest person has the pose that the sample takes, instead of joints in `pose`',
    ),
  pose_weights: z
    .record(z.string(), z.array(digestSchema).min(1))
    .optional()
    .describe('weights of dwpose by part, for `pose_picture` with a model whose poses dwpose did not find'),
  width: z.int().min(1).max(4096).optional().describe('width in pixels; default: width of the training pictures'),
  height: z.int().min(1).max(4096).optional().describe('height in pixels; default: height of the training pictures'),
  ...samplingSchema.shape,
  first: z
    .int()
    .nonnegative()
    .max(MOST_PICTURES)
    .default(0)
    .describe('picture i starts from the noise of (seed, first + i)'),
  weights: weightsSchema
    .default('ema')
    .describe(
      'ema: averaged weights; raw: weights of the last step; {"average": 1}: another average of the training; ' +
        '{"sigma_rel": 0.1}: an average of that length relative to the run',
    ),
  traces: z
    .array(digestSchema)
    .max(MOST_TRACES)
    .optional()
    .describe('checkpoints of the same training of whose averages one of another length is made, besides its own'),
});

function checkNegativePrompt(
  { guidance_method: method, negative_prompt: negative }: z.infer<typeof sampleInput>,
  ctx: z.core.$RefinementCtx,
): void {
  if (method !== 'self_guidance' || negative === undefined) return;
  const message = 'has no effect with guidance_method self_guidance, which guides by the prompt alone';
  ctx.addIssue({ code: 'custom', path: ['negative_prompt'], message, input: negative });
}

function checkPose(
  { prompts, pose, poses, pose_picture: picture, pose_weights: weights }: z.infer<typeof sampleInput>,
  ctx: z.core.$RefinementCtx,
) {
  const add = (key: string, message: string) => ctx.addIssue({ code: 'custom', path: [key], message });
  if (pose && picture) add('pose_picture', 'expected either joints in pose or a picture of them');
  if (weights && !picture) add('pose_weights', 'has no effect without pose_picture');
  if (poses === undefined) return;
  if (pose || picture) add('poses', 'expected either a pose for each prompt, or one for all');
  if (poses.length !== prompts.length) add('poses', `expected one pose for each of ${prompts.length} prompts`);
}

export const sample = defineFunction({
  name: 'sample',
  summary: 'Samples one picture per prompt. Outputs image_000 ... (PNG) and pixels (npy uint8 [n, height, width, 3]).',
  version: 5,
  kind: 'pure',
  usesEngine: true,
  tools: PICTURE_TOOLS,
  digests: { checkpoint: 'experiment', reference: 'blob', pose_picture: 'blob' },
  example: {
    checkpoint: 'portraits@latest',
    prompts: ['a person with red hair wearing round glasses in a navy hoodie on a pink background'],
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: sampleInput.superRefine(checkSampling).superRefine(checkNegativePrompt).superRefine(checkPose),
  async run(ctx, { engine, ...request }) {
    const { pixels, images, stats } = await samplePictures(ctx, { ...request, engine: requireEngine(engine) });
    return { outputs: { pixels, ...images }, stats };
  },
});
