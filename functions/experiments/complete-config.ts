/** @file Completes a config from the dataset that it is trained on. */
import { parseConfig } from '../../configs/parse.ts';
import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { checkSignals, offeredConditions } from './dataset-signals.ts';
import { readImageSize } from './training-size.ts';
import { checkTarget } from './training-target.ts';

/** Conditions and picture size are the dataset's unless the config says otherwise, and then they must fit. */
export async function completeConfig(blobs: BlobStore, config: Config, digest: Digest): Promise<Config> {
  const dataset = await readDataset(blobs, digest);
  const conditions = config.model.conditions ?? offeredConditions(dataset);
  checkSignals(conditions, dataset);
  const image_size = config.data.image_size ?? (await readImageSize(blobs, dataset));
  const { patch_size } = config.model;
  if (image_size.width % patch_size !== 0 || image_size.height % patch_size !== 0) {
    throw new Unprocessable(
      `pictures of ${image_size.width} x ${image_size.height} do not divide into patches of ${patch_size} pixels`,
      {
        expected: 'model.patch_size that divides both sides',
        hint: 'choose another patch_size, or bucket to another size',
      },
    );
  }
  checkTarget(config);
  // Again, for what the schema asks of model and conditions together.
  return parseConfig({ ...config, model: { ...config.model, conditions }, data: { ...config.data, image_size } });
}
