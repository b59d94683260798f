/**
 * @file Varies the pictures of an update. What a sample gets depends on its ordinal alone, so that micro-batches,
 * chunks and restarts change nothing.
 */
import { checkMirror } from '../../configs/mirror.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { RandomStream } from '../model/random.ts';
import { mirrorItem, type PictureEncoders } from './mirror-item.ts';
import type { TrainingItem } from './source.ts';

/**
 * The picture and its signals as the sample of that ordinal takes them.
 * @throws Unprocessable for signals that cannot follow the picture.
 */
export type Augment = (item: TrainingItem, ordinal: number) => TrainingItem;

/**
 * @param encoders Of the dataset; absent: those that the model names.
 * @throws Unprocessable if the config asks for what its signals do not allow.
 */
export function openAugment({ seed, data, model }: KeyedConfig, encoders: PictureEncoders = {}): Augment {
  const { horizontal_flip_prob: flips = 0 } = data;
  const { cls, patches } = model.conditions ?? {};
  if (flips > 0) checkMirror(model.conditions);
  const known = { ...(cls && { cls: cls.encoder }), ...(patches && { patches: patches.encoder }), ...encoders };
  return (item, ordinal) => {
    if (flips === 0 || item.isSided || new RandomStream(seed, 'flip', ordinal).uniform() >= flips) return item;
    return mirrorItem(item, known);
  };
}
