/** @file Which net of LPIPS compares the pictures of a dataset, or why none does. */
import { LEAST_SIDES, LPIPS_NETS, lpipsModelOf } from '../../configs/lpips.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Dataset } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { readBucketSizes } from '../experiments/training-size.ts';

export interface InstalledLpips {
  readonly net: string;
  readonly weights: Record<string, Digest[]>;
}

/** No net, if none is installed that no loss of the training read. */
export interface LpipsChoice {
  readonly lpips?: InstalledLpips;
  /** Why the net cannot compare these pictures, nor any other installed one. */
  readonly tooSmall?: string;
}

/**
 * The first installed net of LPIPS that no loss of the training read and whose layers all have an output for the
 * smallest pictures of the dataset; else the first such net, and why it cannot compare them.
 */
export async function chooseLpips(
  { store, blobs }: Pick<EffectContext, 'store' | 'blobs'>,
  { objective }: Pick<KeyedConfig, 'objective'>,
  dataset: Dataset,
): Promise<LpipsChoice> {
  const { models } = createRefs(store);
  let unfit: LpipsChoice = {};
  for (const name of LPIPS_NETS) {
    const net = lpipsModelOf(name);
    if (objective.frozen && net in objective.frozen) continue;
    const found = await models.read(net);
    if (!found) continue;
    const sizes = await readBucketSizes(blobs, dataset);
    const side = Math.min(...sizes.flatMap(({ width, height }) => [width, height]));
    const lpips = { net, weights: found.value.weights };
    const least = LEAST_SIDES[name];
    if (side >= least) return { lpips };
    if (!unfit.lpips)
      unfit = { lpips, tooSmall: `pictures with sides of ${side} pixels are too small: ${net} needs ${least}` };
  }
  return unfit;
}
