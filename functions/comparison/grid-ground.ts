/** @file What a grid or a sweep is trained on: a dataset, or a fixed subset of it with a name of its own. */
import { Unprocessable } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { nameSchema } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import { findDatasetName } from '../experiments/dataset-name.ts';
import { putDataset } from '../operations/put-dataset.ts';

interface SubsetRequest {
  readonly subset?: number | undefined;
  readonly subset_seed: number;
}

export interface GridData {
  readonly dataset: Digest;
  readonly called?: string | undefined;
  /** Absent: all pictures. `of` is how many there were to choose from. */
  readonly subset?: { readonly size: number; readonly of: number };
}

/** @throws Unprocessable if the dataset holds out no picture, so that nothing could be compared. */
export async function layGround(ctx: EffectContext, whole: Digest, request: SubsetRequest): Promise<GridData> {
  const { counts } = await readDataset(ctx.blobs, whole);
  if (counts.val === 0) {
    throw new Unprocessable('the dataset holds out no picture, so runs cannot be compared on it', {
      expected: 'pictures in the split val',
      hint: 'a dataset of about 40 pictures or more has some',
    });
  }
  const called = await findDatasetName(ctx.store, whole);
  const { subset: size, subset_seed: seed } = request;
  const all = { dataset: whole, ...(called !== undefined && { called }) };
  if (size === undefined || (counts.train !== undefined && counts.train <= size)) return all;
  const { result } = await ctx.call('subset', { dataset: whole, size, seed });
  const dataset = outputOf(result, 'dataset');
  const { pictures } = result.stats;
  const named = called === undefined ? undefined : await nameSubset(ctx, dataset, subsetName(called, size, seed));
  return {
    dataset,
    ...(named !== undefined && { called: named }),
    subset: { size, of: typeof pictures === 'number' ? pictures : size },
  };
}

function subsetName(called: string, size: number, seed: number): string {
  return `${called}-${size}${seed === 0 ? '' : `-${seed}`}`;
}

/** @returns Undefined if the name is too long, or means another dataset: then the subset has none. */
async function nameSubset(ctx: EffectContext, dataset: Digest, name: string): Promise<string | undefined> {
  if (!nameSchema.safeParse(name).success) return undefined;
  const taken = (await createRefs(ctx.store).datasets.read(name))?.value.dataset;
  if (taken !== undefined && taken !== dataset) return undefined;
  if (taken === undefined) await putDataset(ctx, name, dataset);
  return name;
}
