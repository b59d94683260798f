/** @file Tells what each pretrained encoder would cost for a dataset on this machine, and what its licence binds. */
import { z } from 'zod';
import { costOf, type InputKind, REACHED, STRIDE } from '../configs/model-costs.ts';
import { listNotices } from '../configs/model-notices.ts';
import { readColumn } from '../formats/webdataset.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { createRefs } from '../storage/names/refs.ts';
import { type Dataset, digestSchema, type EngineSpec } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { ENCODERS } from './encoders/encoders.ts';
import { runJob } from './execution/runner-job.ts';
import { engineRequestSchema, resolveEngine } from './experiments/resolve-engine.ts';

/** Where no bucket says it. */
const USUAL_SIZE = { width: 512, height: 512 };
/** Where no caption says it. */
const USUAL_TOKENS = 40;
/** Characters of English text per token. */
const CHARACTERS_PER_TOKEN = 4;

export const modelCosts = defineFunction({
  name: 'model-costs',
  summary:
    'Tells what each encoder with weights would cost for a dataset on this machine: memory and time, estimated from its ' +
    'operations and the measured speed of the engine; and what its licence binds.',
  version: 1,
  kind: 'effect',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits' },
  input: z.strictObject({
    dataset: digestSchema,
    engine: engineRequestSchema.default('auto').describe('engine on which the encoders would run'),
  }),
  key: input => canonicalJson(input),
  async run(ctx, { dataset: digest, engine: asked }) {
    const dataset = await readDataset(ctx.blobs, digest);
    const engine: EngineSpec = resolveEngine(await ctx.runner.status(), asked);
    ctx.progress({ phase: 'measure', message: `the speed of ${engine.name} in matrix products` });
    const rate = await measureRate(ctx, engine);
    const isMixed = engine.precision !== 'f32';
    const rateOfF32 = isMixed ? await measureRate(ctx, { ...engine, precision: 'f32' }) : rate;
    const { pictures = 0 } = dataset.counts;
    const tokens = await meanTokens(ctx.blobs, dataset);
    const inputs = { texts: [{ count: pictures, tokens: tokens ?? USUAL_TOKENS }], pictures: picturesOf(dataset) };
    const installed = await createRefs(ctx.store).models.list();
    const models = ENCODERS.filter(({ runs }) => runs === 'runner').flatMap(({ name }) => {
      const cost = costOf(name, inputs);
      if (cost === undefined) return [];
      const { reads, operations, reached, isF32, weightBytes, workBytes } = cost;
      const [notice] = listNotices([name]);
      return [
        {
          model: name,
          reads,
          installed: installed.includes(name),
          operations,
          seconds: operations / ((isF32 ? rateOfF32 : rate) * reached),
          memory_bytes: weightBytes + workBytes,
          ...(notice && { license: notice.license, binds: notice.binds }),
        },
      ];
    });
    return {
      v: 1,
      pictures,
      engine: { ...engine },
      operations_per_second: rate,
      models,
      assumptions: [
        tokens === undefined
          ? `no column of captions: ${USUAL_TOKENS} tokens each`
          : `${Math.round(tokens)} tokens per caption, by the length of the captions of the first page`,
        dataset.buckets
          ? `pictures of the sizes of the buckets, a token for each ${STRIDE} x ${STRIDE} pixels`
          : `no buckets: pictures of ${USUAL_SIZE.width} x ${USUAL_SIZE.height} pixels`,
        `transformers reach ${100 * REACHED.transformer} % of the measured speed in matrix products, networks of ` +
          `convolutions ${100 * REACHED.convolutions} %`,
        ...(isMixed
          ? [
              `networks of convolutions compute in f32, in which the engine was measured at ` +
                `${(rateOfF32 / 1e9).toPrecision(3)} billion operations per second`,
            ]
          : []),
        'memory is that of the weights in f32 and of one batch; reading and writing of columns is not counted',
      ],
    };
  },
});

async function measureRate(ctx: FunctionContext, engine: EngineSpec): Promise<number> {
  const { stats } = await runJob(ctx, { kind: 'rate', engine });
  return z.number().positive().parse(stats.operations_per_second);
}

function picturesOf({ buckets, counts: { pictures = 0 } }: Dataset): InputKind[] {
  if (buckets === undefined) return [{ count: pictures, size: USUAL_SIZE }];
  return buckets.map(({ width, height, pictures: count }) => ({ count, size: { width, height } }));
}

/** Tokens of a caption on average; undefined without captions. */
async function meanTokens(blobs: BlobStore, { pages: [first] }: Dataset): Promise<number | undefined> {
  const column = first?.columns.caption;
  if (column === undefined) return undefined;
  const captions = [...readColumn(await blobs.get(column)).values()];
  if (captions.length === 0) return undefined;
  const bytes = captions.reduce((sum, { length }) => sum + length, 0);
  return 2 + bytes / captions.length / CHARACTERS_PER_TOKEN;
}
