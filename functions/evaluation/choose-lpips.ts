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

type Site = Pick<EffectContext, 'store' | 'blobs'>;
type Seen = Pick<KeyedConfig, 'objective'>;

/**
 * The first installed net of LPIPS that no loss of the training read and whose layers all have an output for the
 * smallest pictures of the dataset; else the first such net, and why it cannot compare them.
 */
export async function chooseLpips(site: Site, seen: Seen, dataset: Dataset): Promise<LpipsChoice> {
  const nets = await listNets(site, seen, dataset);
  const fit = nets.find(({ side, least }) => side >= least);
  if (fit) return { lpips: fit.lpips };
  const [first] = nets;
  if (first === undefined) return {};
  const { lpips, side, least } = first;
  return { lpips, tooSmall: `pictures with sides of ${side} pixels are too small: ${lpips.net} needs ${least}` };
}

/** All nets that {@link chooseLpips} could choose, in its order. */
export async function listLpips(site: Site, seen: Seen, dataset: Dataset): Promise<InstalledLpips[]> {
  const nets = await listNets(site, seen, dataset);
  return nets.flatMap(({ lpips, side, least }) => (side >= least ? [lpips] : []));
}

/** Installed nets that no loss read, with the shortest side of the pictures, and the one that the net needs. */
async function listNets({ store, blobs }: Site, { objective }: Seen, dataset: Dataset) {
  const { models } = createRefs(store);
  const found: { lpips: InstalledLpips; side: number; least: number }[] = [];
  for (const name of LPIPS_NETS) {
    const net = lpipsModelOf(name);
    if (objective.frozen && net in objective.frozen) continue;
    const model = await models.read(net);
    if (model === undefined) continue;
    const sizes = await readBucketSizes(blobs, dataset);
    const side = Math.min(...sizes.flatMap(({ width, height }) => [width, height]));
    found.push({ lpips: { net, weights: model.value.weights }, side, least: LEAST_SIDES[name] });
  }
  return found;
}
