/**
 * @file How the vectors of an encoder of pictures change when its picture is mirrored. The cosines of `dct` change
 * their signs, exactly. Networks that were trained on mirrored pictures as well see both as nearly the same: their
 * vectors stay, and those of patches move to the mirrored place.
 */
import { Unprocessable } from '../errors.ts';
import { DCT_MIRROR_SIGNS } from './dct-layout.ts';
import type { Conditions, SignalName } from './signals.ts';

/** Beginnings of the names of encoders that were trained on mirrored pictures as well. */
const INDIFFERENT = ['efficientnet', 'dinov2', 'dinov3'] as const;

/** Signals whose vectors an encoder makes of a picture. */
export const PICTURE_SIGNALS = ['cls', 'patches'] as const satisfies readonly SignalName[];
export type PictureSignal = (typeof PICTURE_SIGNALS)[number];

/**
 * The factor of each number of a vector; undefined: the vectors stay as they are.
 * @throws Unprocessable for an encoder of which nothing is known.
 */
export function mirrorSigns(encoder: string, signal: PictureSignal): readonly number[] | undefined {
  if (encoder === 'dct') return DCT_MIRROR_SIGNS[signal];
  if (INDIFFERENT.some(name => encoder.startsWith(name))) return undefined;
  throw new Unprocessable(
    `no rule mirrors the ${signal} of the encoder ${encoder}, as data.horizontal_flip_prob asks`,
    {
      expected: `${signal} of dct, or of ${INDIFFERENT.join(', ')}`,
      hint: `leave data.horizontal_flip_prob out, or model.conditions.${signal}`,
    },
  );
}

/** @throws Unprocessable if a signal of the model cannot be mirrored. */
export function checkMirror(conditions: Conditions | undefined): void {
  for (const signal of PICTURE_SIGNALS) {
    const condition = conditions?.[signal];
    if (condition) mirrorSigns(condition.encoder, signal);
  }
}
