/** @file Fits the basis to which the patches of a dataset are reduced. */
import { z } from 'zod';
import { LONGEST_SIDE, WIDEST } from '../configs/bounds.ts';
import { describeMistake } from '../configs/issue-text.ts';
import { Internal, InvalidInput, Unprocessable } from '../errors.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { EncodeJob } from '../gpu-runner/protocol.ts';
import { spreadIndexes } from '../numerics/spread-indexes.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import type { Digest } from '../storage/digest.ts';
import { type Dataset, digestSchema } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { encodersOf, findEncoder } from './encoders/encoders.ts';
import type { FitTask, FittedBasis } from './encoders/pca/fit-basis.ts';
import { requirePrecision } from './encoders/precision.ts';
import { requireWeights } from './encoders/weights.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';

const ENCODERS = encodersOf('image').filter(({ fitted }) => fitted !== undefined);

export const fitPca = defineFunction({
  name: 'fit-pca',
  summary:
    'Fits the principal components of the patches of pictures of the split train. Outputs basis (safetensors): the ' +
    'weights "pca" of an encoder with the option pca.',
  version: 2,
  kind: 'pure',
  usesEngine: true,
  digests: { dataset: 'dataset' },
  example: {
    dataset: 'portraits',
    encoder: 'dinov2-vits14',
    weights: { model: [`sha256:${'0'.repeat(64)}`] },
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
  },
  input: z.strictObject({
    dataset: digestSchema.describe('a dataset that went through bucket'),
    encoder: z.enum(ENCODERS.map(({ name }) => name) as [string, ...string[]]),
    stride: z.int().min(1).max(LONGEST_SIDE).optional().describe('as of encode-image'),
    layers: z.string().optional().describe('as of encode-image'),
    pca: z
      .int()
      .min(1)
      .max(WIDEST)
      .optional()
      .describe('numbers of a reduced patch; default: the one that encode-image takes'),
    weights: z.record(z.string(), z.array(digestSchema)).describe('of the encoder, by part'),
    pictures: z.int().min(1).max(4096).default(256).describe('at most so many pictures, evenly spread over all'),
    patches: z.int().min(1).max(4096).default(128).describe('at most so many patches of each, evenly spread'),
  }),
  async run(ctx, { engine: given, dataset: digest, encoder: name, weights, pictures, patches, ...rest }) {
    const encoder = findEncoder(name);
    const { pca = DEFAULT_COUNT, ...asked } = rest;
    const parsed = encoder.options.safeParse({ ...asked, pca }, { reportInput: true });
    const [mistake] = parsed.error?.issues ?? [];
    if (mistake) throw new InvalidInput(`/${mistake.path.join('/')}: ${describeMistake(mistake)}`);
    const { pca: count, ...options } = parsed.data as Record<string, EncodeJob['options'][string]>;
    const engine = requirePrecision(encoder, requireEngine(given));
    const chosen = await choosePictures(ctx.blobs, await readDataset(ctx.blobs, digest), pictures);
    const parts: Uint16Array[] = [];
    let dim = 0;
    for (const [done, { column, ids }] of chosen.entries()) {
      ctx.progress({ phase: 'fit-pca', done, total: chosen.length, unit: 'pages' });
      const { outputs } = await runJob(ctx, {
        kind: 'encode',
        encoder: name,
        version: encoder.version,
        reads: 'image',
        options,
        weights: requireWeights(encoder, weights, options),
        column,
        sample: { ids, patches },
        engine,
      });
      const members = outputs.patches && readColumn(await ctx.blobs.get(outputs.patches.digest));
      for (const member of members?.values() ?? []) {
        const { dtype, shape, data } = decodeNpy(member);
        if (dtype !== 'f16') throw new Internal(`the encoder ${name} made ${dtype} patches to fit a basis to`);
        parts.push(data.slice());
        dim = shape[1] ?? 0;
      }
    }
    const vectors = parts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, dim);
    if (vectors < Number(count)) {
      throw new Unprocessable(`the split train offers ${vectors} patches, and ${count} components need as many`, {
        expected: 'more or larger pictures, or a smaller stride',
        hint: 'leave pca out: the patches of so few pictures take little room',
      });
    }
    const task: FitTask = { parts, dim, count: Number(count) };
    const { file, kept } = await ctx.task<FittedBasis>('fit-basis', task);
    const basis = await ctx.blobs.put(file, 'application/octet-stream');
    return { outputs: { basis }, stats: { vectors, kept } };
  },
});

const DEFAULT_COUNT = 256;

interface ChosenPage {
  /** Of its pictures. */
  readonly column: Digest;
  readonly ids: string[];
}

/** At most so many pictures of the split train, evenly spread over all, by page. @throws Unprocessable if none is. */
async function choosePictures(
  blobs: BlobStore,
  { pages, removed }: Dataset,
  most: number,
): Promise<readonly ChosenPage[]> {
  const gone = new Set(removed);
  const all: { readonly column: Digest; readonly id: string }[] = [];
  for (const page of pages) {
    const column = page.columns.image;
    if (column === undefined) {
      throw new Unprocessable('the dataset has no image column', {
        expected: 'a dataset that went through bucket',
        hint: 'POST /functions/prepare makes every column',
      });
    }
    const items = await readItems(blobs, page);
    all.push(...items.filter(({ id, split }) => split === 'train' && !gone.has(id)).map(({ id }) => ({ column, id })));
  }
  if (all.length === 0) throw new Unprocessable('the dataset has no pictures in the split train');
  const chosen = spreadIndexes(all.length, most).map(i => all[i]!);
  return [...Map.groupBy(chosen, ({ column }) => column)].map(([column, some]) => ({
    column,
    ids: some.map(({ id }) => id),
  }));
}
