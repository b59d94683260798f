/** @file Completes a config from the dataset that it is trained on. */

import { checkAugmentation } from '../../configs/check-augmentation.ts';
import { checkDivision } from '../../configs/divide-pictures.ts';
import { parseConfig } from '../../configs/parse.ts';
import { scaledSize } from '../../configs/resolution.ts';
import type { Config } from '../../configs/schema.ts';
import { trainedSize } from '../../configs/trained-size.ts';
import { Unprocessable } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { completeNorms } from '../encoders/encoders.ts';
import { completeLosses } from './complete-losses.ts';
import { checkMasks, checkSignals, offeredConditions } from './dataset-signals.ts';
import { type BucketSizes, largestOf, type PictureSize, readBucketSizes } from './training-size.ts';

/** Samples of one size in an update, of pictures of several sizes. A larger group leaves more places to fillers. */
const LARGEST_GROUP = 16;

export interface CompleteConfig {
  readonly config: Config;
  /** Sizes of the pictures of the dataset, each once. */
  readonly sizes: BucketSizes;
  readonly dataset: Dataset;
}

/**
 * Conditions are the dataset's unless the config says otherwise, and then they must fit. The size of samples is the
 * commonest size of its pictures unless the config says otherwise. The sizes of all pictures must fit the patches.
 * Pictures of several sizes are trained in groups of one size.
 * Places count from the centre, in tokens of a picture of that size.
 */
export async function completeConfig(blobs: BlobStore, config: Config, digest: Digest): Promise<CompleteConfig> {
  const dataset = await readDataset(blobs, digest);
  const conditions = completeNorms(config.model.conditions ?? offeredConditions(dataset));
  checkSignals(conditions, dataset);
  checkAugmentation(config.data, conditions);
  const [first, ...others] = await readBucketSizes(blobs, dataset);
  const sizes: BucketSizes = [trainedSize(first, config.data), ...others.map(size => trainedSize(size, config.data))];
  const { image_size = sizeOf(sizes[0]) } = config.data;
  checkDivision(sizes, 'model.patch_size', config.model.patch_size);
  checkSampleSize(image_size, config.model.patch_size);
  if (conditions.patches) checkDivision(sizes, 'model.conditions.patches.stride', conditions.patches.stride);
  // Again, for what the schema asks of model and conditions together.
  const groups = sizes.length > 1 && { bucket_group: groupFor(config.data.batch_size) };
  const data = { ...groups, ...config.data, image_size };
  const tokens_per_side = Math.sqrt(image_size.width * image_size.height) / config.model.patch_size;
  const whole = { ...config, model: { tokens_per_side, ...config.model, conditions }, data };
  return { config: completeObjective(whole, dataset, sizes), sizes, dataset };
}

/** The config of a branch, whose objective may be another one than that of its parent. */
export async function completeBranch(blobs: BlobStore, before: Config, config: Config, digest: Digest) {
  if (canonicalJson(before.objective) === canonicalJson(config.objective)) return config;
  const dataset = await readDataset(blobs, digest);
  const sizes = await readBucketSizes(blobs, dataset);
  return completeObjective(
    config,
    dataset,
    sizes.map(size => trainedSize(size, config.data)),
  );
}

function completeObjective(config: Config, dataset: Dataset, sizes: readonly PictureSize[]): Config {
  checkMasks(config.objective, dataset);
  const losses = completeLosses(config, dataset, atAllScales(sizes, config));
  return parseConfig({ ...config, objective: { ...config.objective, ...losses } });
}

/** The sizes at every scale of `data.resolution_schedule`, as stored first. */
function atAllScales(sizes: readonly PictureSize[], { model, data }: Pick<Config, 'model' | 'data'>): PictureSize[] {
  const scales = new Set([1, ...(data.resolution_schedule ?? []).map(({ scale }) => scale)]);
  return [...scales].flatMap(scale => sizes.map(size => scaledSize(size, scale, model)));
}

/** @throws Unprocessable when it is a size that the config names, and no dataset. */
function checkSampleSize({ width, height }: PictureSize, patch: number): void {
  if (width % patch === 0 && height % patch === 0) return;
  const near = [width, height].map(side => Math.max(1, Math.round(side / patch)) * patch).join(' x ');
  throw new Unprocessable(`data.image_size ${width} x ${height} does not divide into patches of ${patch} pixels`, {
    expected: `width and height that model.patch_size ${patch} divides: ${near} is near`,
    hint: 'leave data.image_size out: then it is the commonest size of the pictures',
  });
}

/** The largest divisor of the update up to {@link LARGEST_GROUP}. */
function groupFor(batchSize: number): number {
  return Array.from({ length: LARGEST_GROUP }, (_, i) => LARGEST_GROUP - i).find(size => batchSize % size === 0) ?? 1;
}

/**
 * The completed config, with what an earlier call chose wherever the written one leaves the choice: each is made once,
 * and an earlier version may have made another, or none.
 */
export function takeEarlierChoices(whole: Config, written: Config, stored: Config): Config {
  const { model, data } = written;
  const { cls, patches, ...others } = whole.model.conditions ?? {};
  const before = stored.model.conditions;
  const conditions = {
    ...others,
    ...(cls && { cls: { ...cls, norm: model.conditions?.cls?.norm ?? before?.cls?.norm } }),
    ...(patches && { patches: { ...patches, norm: model.conditions?.patches?.norm ?? before?.patches?.norm } }),
  };
  const frozen = whole.objective.frozen ?? stored.objective.frozen;
  return parseConfig({
    ...whole,
    objective: { ...whole.objective, ...(frozen && { frozen }) },
    model: { ...whole.model, conditions, tokens_per_side: model.tokens_per_side ?? stored.model.tokens_per_side },
    data: {
      ...whole.data,
      image_size: data.image_size ?? stored.data.image_size,
      bucket_group: data.bucket_group ?? stored.data.bucket_group,
    },
  });
}

/** The config as it trains and samples its largest pictures, which take the most memory. */
export function atLargest({ config, sizes }: CompleteConfig): Config {
  const { image_size = sizes[0] } = config.data;
  return { ...config, data: { ...config.data, image_size: sizeOf(largestOf([image_size, ...sizes])) } };
}

function sizeOf({ width, height }: PictureSize): PictureSize {
  return { width, height };
}
