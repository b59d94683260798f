/** @file Features of a column of pictures, by one of the extractors. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal, InvalidInput, Unprocessable } from '../errors.ts';
import { encodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { EncodeJob, JobResult } from '../gpu-runner/protocol.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema, type EngineSpec } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { readArray } from './encoders/encode-on-runner.ts';
import type { AnyEncoder, Weights } from './encoders/encoder.ts';
import { ENCODER_TOOLS } from './encoders/encoders.ts';
import { requirePrecision } from './encoders/precision.ts';
import { requireWeights } from './encoders/weights.ts';
import {
  type DescribedPictures,
  type DescribePicturesTask,
  readPictures,
  stackRows,
} from './evaluation/describe-pictures.ts';
import type { FeatureIndex } from './evaluation/feature-sets.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';
import { type Extractor, extractorSchema, findExtractor, optionsFor } from './experiments/sets/extractors.ts';

/** Kernels of rows of larger numbers, and their squares, would not be finite. */
const LARGEST = 1e12;

export const features = defineFunction({
  name: 'features',
  summary:
    'Describes each picture of a column by a row of numbers, for measures that compare sets of pictures. Outputs ' +
    'features (npy f32 [pictures, dim]) and index (JSON: the ids of the rows).',
  version: 1,
  kind: 'pure',
  usesEngine: true,
  tools: ENCODER_TOOLS,
  digests: { pictures: 'blob' },
  example: { pictures: `sha256:${'0'.repeat(64)}`, extractor: 'dct' },
  input: z.strictObject({
    pictures: digestSchema.describe('column of pictures: the column image of a page, or what draw made'),
    extractor: extractorSchema.default('dct'),
    weights: z.record(z.string(), z.array(digestSchema)).optional().describe('of the extractor, by part'),
  }),
  async run(ctx, { engine, pictures, extractor: name, weights }) {
    const extractor = findExtractor(name, weights);
    const { encoder } = extractor;
    const column = await ctx.blobs.get(pictures);
    const found =
      encoder?.runs === 'runner'
        ? await describeOnRunner(ctx, { ...extractor, encoder }, { pictures, column, weights, engine })
        : await describeHere(ctx, { extractor: name, column }, { engine, weights });
    const { ids, dim, data } = found;
    if (data.some(x => !(Math.abs(x) <= LARGEST))) {
      throw new Unprocessable(`the extractor ${name} makes numbers beyond ${LARGEST}`, {
        expected: 'numbers whose distances can be computed',
        hint: 'check mean and deviation in its config, or take another extractor',
      });
    }
    const array = await ctx.blobs.put(
      encodeNpy({ dtype: 'f32', shape: [ids.length, dim], data }),
      'application/octet-stream',
    );
    const index: FeatureIndex = {
      ...{ v: 1, kind: 'features', extractor: extractor.name, pictures, dim, ids: [...ids] },
      ...{ features: array.digest, links: [array.digest] },
    };
    return {
      outputs: { index: await putDocument(ctx.blobs, index), features: array },
      stats: { pictures: ids.length, dim },
    };
  },
});

function describeHere(
  ctx: FunctionContext,
  task: DescribePicturesTask,
  given: { readonly engine: EngineSpec | undefined; readonly weights: Weights | undefined },
): Promise<DescribedPictures> {
  for (const [key, value] of Object.entries(given)) {
    if (value !== undefined) throw new InvalidInput(`the extractor ${task.extractor} has no ${key}`);
  }
  return ctx.task<DescribedPictures>('describe-pictures', task);
}

interface RunnerColumn {
  readonly pictures: EncodeJob['column'];
  readonly column: Uint8Array;
  readonly weights: Weights | undefined;
  readonly engine: EngineSpec | undefined;
}

async function describeOnRunner(
  ctx: FunctionContext,
  extractor: Extractor & { readonly encoder: AnyEncoder },
  { pictures, column, weights, engine }: RunnerColumn,
): Promise<DescribedPictures> {
  const read = readPictures(column);
  const { encoder, job = encoder.name } = extractor;
  const options = optionsFor(
    extractor,
    read.map(({ picture }) => picture),
  );
  const made = runJob(ctx, {
    kind: 'encode',
    encoder: job,
    version: encoder.version,
    reads: 'image',
    options: options as EncodeJob['options'],
    weights: requireWeights(encoder, weights, options),
    column: pictures,
    engine: requirePrecision(encoder, requireEngine(engine)),
  });
  const { outputs } = await (job === encoder.name ? made : made.catch(error => nameNet(encoder.name, error)));
  if (outputs.cls === undefined) throw new Internal(`the encoder ${encoder.name} made no cls`);
  const rowsById = readColumn(await ctx.blobs.get(outputs.cls.digest));
  const ids = read.map(({ id }) => id);
  const rows = ids.map(id => {
    const row = readArray(rowsById.get(memberName('cls', id)));
    if (row === undefined) throw new Internal(`the encoder ${encoder.name} described no picture ${id}`);
    return row.data;
  });
  return stackRows(ids, rows);
}

/** A check for copies takes a stored network without being asked, so the error says which one. */
function nameNet(name: string, error: unknown): JobResult {
  if (!(error instanceof Unprocessable || error instanceof InvalidInput)) throw error;
  const { message, expected, hint = `PUT /models/${name} replaces it, DELETE /models/${name} takes it away` } = error;
  throw new Unprocessable(`the stored model ${name}: ${message}`, {
    ...(expected !== undefined && { expected }),
    ...{ hint, cause: error },
  });
}
