/** @file Draws pictures of a split under one of the conditions that validation compares. */
import { z } from 'zod';
import { MOST_PICTURES } from '../configs/bounds.ts';
import { captionEditsSchema } from '../configs/caption-edits.ts';
import { CONDITION_NAMES } from '../configs/drawn-conditions.ts';
import { checkSampling, type Sampling, samplingOf, samplingSchema } from '../configs/sampling.ts';
import { type Conditions, memberName, signalsOf } from '../configs/signals.ts';
import { requireRoute } from '../configs/tread.ts';
import { Internal } from '../errors.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn } from '../formats/webdataset.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { digestSchema, type EngineSpec, splitSchema } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { encodeSample } from './encoders/encode-sample.ts';
import { ENCODER_TOOLS } from './encoders/encoders.ts';
import { CONDITIONS, requireSignals } from './evaluation/conditions.ts';
import { type Drawing, planDrawings } from './evaluation/plan-drawings.ts';
import { requireEngine } from './execution/runner-job.ts';
import { checkEncoders } from './experiments/dataset-signals.ts';
import type { DrawnIndex } from './experiments/drawn-index.ts';
import { checkNetwork, findNetwork, networkShape } from './experiments/drawn-network.ts';
import { groupAlike, readSplit } from './experiments/held-out-items.ts';
import { drawPixels } from './experiments/sample-pictures.ts';
import { toPlanar } from './pictures/planar.ts';

const input = z.strictObject({
  ...networkShape,
  dataset: digestSchema,
  split: splitSchema.default('val').describe('val: pictures that are not trained on'),
  first: z.int().min(0).max(MOST_PICTURES).default(0).describe('so many pictures of the split are passed over'),
  count: z.int().min(1).max(64).describe('number of pictures; fewer if the split has no more'),
  condition: z.enum(CONDITION_NAMES).describe('what the network is given of each picture'),
  edits: captionEditsSchema
    .optional()
    .describe('edit, edit_text: default: the list of the seed, or edits of what can be measured in bundled sets'),
  ...samplingSchema.shape,
});

function checkEdits({ condition, edits }: z.infer<typeof input>, ctx: z.core.$RefinementCtx): void {
  if (edits === undefined || CONDITIONS[condition].edited) return;
  const message = `has no effect with the condition ${condition}; it belongs to edit and edit_text`;
  ctx.addIssue({ code: 'custom', path: ['edits'], message, input: edits });
}

export const draw = defineFunction({
  name: 'draw',
  summary:
    'Draws pictures of a split from some or all of their signals, in their own sizes, each from noise that stays the ' +
    'same. Outputs pictures (a column of pixels) and index (JSON).',
  version: 3,
  kind: 'pure',
  usesEngine: true,
  tools: ENCODER_TOOLS,
  digests: { checkpoint: 'experiment', config: 'blob', dataset: 'dataset' },
  example: {
    checkpoint: 'portraits@latest',
    dataset: 'portraits',
    condition: 'text',
    count: 25,
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: input.superRefine(checkSampling).superRefine(checkEdits).superRefine(checkNetwork),
  async run(ctx, { engine: given, ...request }) {
    const engine = requireEngine(given);
    const { checkpoint, config: start, condition, split, first, count } = request;
    const { network, config, notes } = await findNetwork(ctx.blobs, request);
    if (request.guidance_method === 'self_guidance') requireRoute(config.objective);
    const conditions = config.model.conditions ?? {};
    const signals = signalsOf(conditions);
    requireSignals(condition, signals);
    const dataset = await readDataset(ctx.blobs, request.dataset);
    checkEncoders(conditions, dataset);
    const items = await readSplit(ctx.blobs, dataset, { split, first, count }, signals);
    const { drawings, skipped } = planDrawings(condition, items, request.edits);
    const complete = CONDITIONS[condition].edited ? await encodeCaptions(ctx, conditions, drawings, engine) : drawings;
    const sampling = samplingFor(request);
    const drawn = new Map<string, Uint8Array>();
    for (const group of groupAlike(complete, ({ item, signals }) => ({ ...item, signals }))) {
      const [{ item, signals: same }] = group;
      const arrays = [...same.keys()].map(name => [name, group.map(each => each.signals.get(name))]);
      const { rgb } = await drawPixels(
        ctx,
        conditions,
        { rows: group.length, signals: Object.fromEntries(arrays), negative: {} },
        {
          ...{ network, width: item.width, height: item.height, ...sampling },
          ...{ first: 0, noise: group.map(each => each.item.noise), engine },
        },
      );
      for (const [
        i,
        {
          item: { id },
        },
      ] of group.entries()) {
        const picture = rgb[i];
        if (picture === undefined) throw new Internal(`the gpu-runner made no picture of ${id}`);
        const { data, width, height } = toPlanar(picture);
        drawn.set(id, encodeNpy({ dtype: 'u8', shape: [3, height, width], data }));
      }
    }
    const members = new Map(complete.map(({ item: { id } }) => [memberName('image', id), drawn.get(id)!]));
    const pictures = await ctx.blobs.put(packColumn(members), 'application/x-tar');
    const index: DrawnIndex = {
      ...{ v: 1, kind: 'drawn', checkpoint, config: start, dataset: request.dataset, split, condition },
      ...sampling,
      ...{ weights: request.weights, pictures: pictures.digest },
      ...{ items: complete.map(({ item }) => item), skipped: [...skipped], links: [pictures.digest] },
    };
    const outputs = { pictures, index: await putDocument(ctx.blobs, index) };
    return { outputs, ...(notes.length > 0 && { stats: { notes: [...notes] } }) };
  },
});

/** Without a condition, the network that guidance leads away from is the same: it need not run. */
function samplingFor(request: z.infer<typeof input>): Sampling {
  const sampling = samplingOf(request);
  if (request.condition !== 'unconditional' || sampling.guidance_method === 'self_guidance') return sampling;
  const { steps, seed, solver, time_grid, shift } = sampling;
  const plain = { steps, seed, solver, time_grid, guidance: 1, guidance_method: 'cfg' } as const;
  return { ...plain, ...(shift !== undefined && { shift }) };
}

/** Adds the texts of edited captions, encoded as the training data was. */
async function encodeCaptions(
  ctx: FunctionContext,
  conditions: Conditions,
  drawings: readonly Drawing[],
  engine: EngineSpec,
): Promise<Drawing[]> {
  const [first] = drawings;
  if (first === undefined) return [];
  const { signals: rows } = await encodeSample(ctx, conditions, {
    prompts: drawings.map(({ item }) => item.caption),
    size: first.item,
    engine,
  });
  return drawings.map(({ item, signals }, i) => {
    const text = rows.text?.[i];
    if (text === undefined) throw new Internal(`the caption of ${item.id} was not encoded`);
    return { item, signals: new Map([['text', text], ...signals]) };
  });
}
