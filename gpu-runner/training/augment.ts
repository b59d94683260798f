/**
 * @file Varies the pictures of an update. What a sample gets depends on its ordinal alone, so that micro-batches,
 * chunks and restarts change nothing.
 */
import { checkMirror } from '../../configs/mirror.ts';
import { scaleAt, scaledSize } from '../../configs/resolution.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import { trainedSize } from '../../configs/trained-size.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { cropItem, cropStep } from './crop-item.ts';
import { mirrorItem, type PictureEncoders } from './mirror-item.ts';
import { resizeItem } from './resize-item.ts';
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
  const { horizontal_flip_prob: flips = 0, crop_jitter: jitter = 0, caption_variants: captions } = data;
  const { cls, patches } = model.conditions ?? {};
  if (flips > 0) checkMirror(model.conditions);
  const known = { ...(cls && { cls: cls.encoder }), ...(patches && { patches: patches.encoder }), ...encoders };
  const isMirrored = (ordinal: number) => flips > 0 && new RandomStream(seed, 'flip', ordinal).uniform() < flips;
  return (item, ordinal) => {
    const told = captions === 'all' ? chooseCaption(item, seed, ordinal) : item;
    const cropped = jitter > 0 ? cropAround(told, jitter, new RandomStream(seed, 'crop', ordinal)) : told;
    const resized = resizeItem(cropped, scaledSize(cropped, scaleAt(ordinal, data), model));
    return !item.isSided && isMirrored(ordinal) ? mirrorItem(resized, known) : resized;
  };
}

function chooseCaption(item: TrainingItem, seed: Seed, ordinal: number): TrainingItem {
  const { text } = item.signals;
  const all = [...(text ? [text] : []), ...(item.texts ?? [])];
  const drawn = all[new RandomStream(seed, 'caption', ordinal).below(Math.max(1, all.length))];
  return drawn ? { ...item, signals: { ...item.signals, text: drawn } } : item;
}

/** The picture as it is trained, without variation: the crop of its middle. */
export function plainItem(item: TrainingItem, { crop_jitter: jitter = 0 }: KeyedConfig['data']): TrainingItem {
  return jitter > 0 ? cropAround(item, jitter) : item;
}

/** A crop at most `jitter` pixels from the middle. @param random Absent: the crop of the middle. */
export function cropAround(item: TrainingItem, jitter: number, random?: RandomStream): TrainingItem {
  const { height, width } = trainedSize(item, { crop_jitter: jitter });
  const step = cropStep(item, jitter);
  const draw = () => (random ? step * random.below((2 * jitter) / step + 1) : jitter);
  const [top, left] = [draw(), draw()];
  return cropItem(item, { top, left, height, width });
}
