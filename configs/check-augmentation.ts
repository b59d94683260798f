/** @file Whether the signals of a model can follow the variations of its pictures. */
import { Unprocessable } from '../errors.ts';
import { checkMirror } from './mirror.ts';
import type { DataConfig } from './schema.ts';
import type { Conditions } from './signals.ts';

/** @throws Unprocessable naming the key that does not fit, and what would. */
export function checkAugmentation(data: DataConfig, conditions: Conditions | undefined): void {
  const { horizontal_flip_prob: flips = 0, crop_jitter: jitter = 0, condition_noise: noise = {} } = data;
  if (flips > 0) checkMirror(conditions);
  const { stride = 1 } = conditions?.patches ?? {};
  if (jitter % stride !== 0) {
    throw new Unprocessable(`data.crop_jitter ${jitter} would cut patches of ${stride} pixels`, {
      expected: `a multiple of model.conditions.patches.stride, such as ${stride * Math.ceil(jitter / stride)}`,
      hint: 'or leave model.conditions.patches out: then a crop may begin at any pixel',
    });
  }
  for (const [name, strength = 0] of Object.entries(noise)) {
    if (strength === 0 || conditions?.[name as keyof typeof noise] !== undefined) continue;
    throw new Unprocessable(`data.condition_noise.${name}: the model has no ${name}`, {
      expected: `noise on ${
        Object.keys(conditions ?? {})
          .filter(each => each !== 'pose')
          .join(', ') || 'no signal'
      }`,
    });
  }
  if (data.caption_variants === 'all' && conditions?.text === undefined) {
    throw new Unprocessable('data.caption_variants all: the model has no text', { expected: 'a model with text' });
  }
}
