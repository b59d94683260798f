/** @file Which net of LPIPS compares the pictures of a dataset, or why none does. */
import { LEAST_SIDES, LPIPS_NETS, lpipsModelOf } from '../../configs/lpips.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Dataset } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import type { InstalledLpips } from '../experiments/sets/lpips-distances.ts';
import { readBucketSizes } from '../experiments/training-size.ts';

/** No net, if none is installed that no loss of the training read. */
export interface LpipsChoice {
  /** The first net that can compare the pictures; else the first that is installed. */
  readonly lpips?: InstalledLpips;
  /** Further nets that can; absent: none. */
  readonly others?: readonly InstalledLpips[];
  /** Why the net cannot compare these pictures, nor any other installed one. */
  readonly tooSmall?: string;
}

type Site = Pick<EffectContext, 'store' | 'blobs'>;
type Seen = Pick<KeyedConfig, 'objective'>;

/**
 * The installed nets of LPIPS that no loss of the training read and whose layers all have an output for the smallest
 * pictures of the dataset; else the first such net, and why it cannot compare them.
 */
export async function chooseLpips({ store, blobs }: Site, { objective }: Seen, dataset: Dataset): Promise<LpipsChoice> {
  const { models } = createRefs(store);
  const found: { readonly lpips: InstalledLpips; readonly least: number }[] = [];
  for (const name of LPIPS_NETS) {
    const net = lpipsModelOf(name);
    if (objective.frozen && net in objective.frozen) continue;
    const model = await models.read(net);
    if (model) found.push({ lpips: { net, weights: model.value.weights }, least: LEAST_SIDES[name] });
  }
  const [installed] = found;
  if (installed === undefined) return {};
  const sizes = await readBucketSizes(blobs, dataset);
  const side = Math.min(...sizes.flatMap(({ width, height }) => [width, height]));
  const [lpips, ...others] = found.flatMap(each => (side >= each.least ? [each.lpips] : []));
  if (lpips) return { lpips, ...(others.length > 0 && { others }) };
  const { net } = installed.lpips;
  const tooSmall = `pictures with sides of ${side} pixels are too small: ${net} needs ${installed.least}`;
  return { lpips: installed.lpips, tooSmall };
}
