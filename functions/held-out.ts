/** @file Draws held-out pictures from all their signals, beside the pictures themselves. */
import { z } from 'zod';
import { weightsSchema } from '../configs/averages.ts';
import { MOST_TRACES } from '../configs/bounds.ts';
import { checkSampling, samplingOf, samplingSchema } from '../configs/sampling.ts';
import { signalsOf } from '../configs/signals.ts';
import { requireRoute } from '../configs/tread.ts';
import { Internal } from '../errors.ts';
import { putDocument, readCheckpoint, readDataset, readKeyedConfig } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type PureContext } from './define.ts';
import { publishPng } from './execution/publish-png.ts';
import { requireEngine } from './execution/runner-job.ts';
import type { HeldOutIndex } from './experiments/border/held-out-step.ts';
import { groupAlike, type HeldOutItem, readHeldOut } from './experiments/held-out-items.ts';
import { drawRows, PICTURE_TOOLS } from './experiments/sample-pictures.ts';
import { resolveWeights } from './experiments/sample-weights.ts';
import { decodeRgb, encodePng } from './pictures/image.ts';
import { type RgbImage, toInterleaved } from './pictures/planar.ts';

export const heldOut = defineFunction({
  name: 'held-out',
  summary:
    'Draws pictures of the split val from all their signals, each from noise of its own that stays the same. Outputs ' +
    'image_000 ... (PNG: the picture, and right of it the sample) and index (JSON).',
  version: 2,
  kind: 'pure',
  usesEngine: true,
  tools: PICTURE_TOOLS,
  digests: { checkpoint: 'experiment', dataset: 'dataset' },
  example: {
    checkpoint: 'portraits@latest',
    dataset: 'portraits',
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: z
    .strictObject({
      checkpoint: digestSchema.describe(
        'checkpoint, or the name of an experiment with @step, @latest, @best or @clean',
      ),
      dataset: digestSchema,
      count: z.int().min(1).max(64).default(4).describe('number of pictures; fewer if the split has no more'),
      ...samplingSchema.shape,
      weights: weightsSchema.optional().describe('as in sample; default: ema'),
      traces: z.array(digestSchema).max(MOST_TRACES).optional().describe('as in sample'),
    })
    .superRefine(checkSampling),
  async run(ctx, { engine: given, ...request }) {
    const engine = requireEngine(given);
    const { checkpoint, count } = request;
    const config = await readKeyedConfig(ctx.blobs, (await readCheckpoint(ctx.blobs, checkpoint)).config);
    if (request.guidance_method === 'self_guidance') requireRoute(config.objective);
    const { weights: choice = 'ema' } = request;
    const { weights, notes } = await resolveWeights(ctx.blobs, { ...request, weights: choice });
    const conditions = config.model.conditions ?? {};
    const dataset = await readDataset(ctx.blobs, request.dataset);
    const pictures: HeldOutIndex['pictures'] = [];
    const items = await readHeldOut(ctx.blobs, dataset, count, signalsOf(conditions));
    for (const group of groupAlike(items, ({ picture, signals }) => ({ ...picture, signals }))) {
      const [{ picture, signals }] = group;
      const arrays = [...signals.keys()].map(name => [name, group.map(item => item.signals.get(name))]);
      const { images } = await drawRows(
        ctx,
        conditions,
        { rows: group.length, signals: Object.fromEntries(arrays), negative: {} },
        {
          network: { checkpoint, weights },
          width: picture.width,
          height: picture.height,
          ...samplingOf(request),
          first: pictures.length,
          engine,
        },
      );
      const samples = Object.values(images);
      for (const [i, item] of group.entries()) {
        const sample = samples[i];
        if (sample === undefined) throw new Internal(`the gpu-runner made no picture of ${item.id}`);
        pictures.push(await describePair(ctx, item, await ctx.blobs.get(sample.digest)));
      }
    }
    const links = [...new Set(pictures.map(({ image }) => image.digest))];
    const index: HeldOutIndex = {
      ...{ v: 1, kind: 'held-out', checkpoint, dataset: request.dataset },
      ...samplingOf(request),
      ...(choice !== 'ema' && { weights: choice }),
      ...{ pictures, links },
    };
    const named = pictures.map(({ image }, i) => [`image_${String(i).padStart(3, '0')}`, image] as const);
    const outputs = { index: await putDocument(ctx.blobs, index), ...Object.fromEntries(named) };
    return { outputs, ...(notes.length > 0 && { stats: { notes: [...notes] } }) };
  },
});

/** @param sample PNG. */
async function describePair(ctx: PureContext, item: HeldOutItem, sample: Uint8Array) {
  const { id, name, caption = '', signals } = item;
  const pair = await encodePng(besideEachOther(toInterleaved(item.picture), await decodeRgb(sample)));
  return { id, name, caption, signals: [...signals.keys()], image: await publishPng(ctx, pair) };
}

/** Two pictures of one size, left and right. */
function besideEachOther(left: RgbImage, right: RgbImage): RgbImage {
  const { width, height } = left;
  const data = new Uint8Array(2 * 3 * width * height);
  for (let y = 0; y < height; y++) {
    for (const [i, picture] of [left, right].entries()) {
      data.set(picture.data.subarray(3 * width * y, 3 * width * (y + 1)), 3 * width * (2 * y + i));
    }
  }
  return { data, width: 2 * width, height };
}
