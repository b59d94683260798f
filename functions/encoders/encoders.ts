/** @file The encoders that a sample's prompt and reference picture can go through: by the names that configs give them. */

import type { Conditions } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { coverRgb } from '../pictures/image.ts';
import { toPlanar } from '../pictures/planar.ts';
import { DCT_CLS_DIM, DCT_PATCH_DIM, encodeDct } from './encode-dct.ts';
import type { EncodedImage, EncodedText } from './pack-conditions.ts';
import { encodeWords, WORDS_ENCODER } from './words.ts';

interface TextEncoder {
  readonly dim: number;
  encode(text: string): EncodedText;
}

interface ImageEncoder {
  readonly clsDim: number;
  readonly patchDim: number;
  encode(bytes: Uint8Array, size: PictureSize, stride: number): Promise<EncodedImage>;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

const TEXT_ENCODERS: Readonly<Record<string, TextEncoder>> = {
  words: {
    dim: WORDS_ENCODER.dim,
    encode: text => {
      const { tokens, data } = encodeWords(text);
      return { count: tokens, data };
    },
  },
};

const IMAGE_ENCODERS: Readonly<Record<string, ImageEncoder>> = {
  dct: {
    clsDim: DCT_CLS_DIM,
    patchDim: DCT_PATCH_DIM,
    encode: async (bytes, { width, height }, stride) =>
      encodeDct(toPlanar(await coverRgb(bytes, width, height)), stride),
  },
};

/**
 * Tokens beyond the config's limit are cut off. A model without text gets the empty text.
 * @throws Unprocessable when the encoder is none of ours, or makes vectors of another length.
 */
export function encodeText(conditions: Conditions, text: string): EncodedText {
  if (!conditions.text) return { count: 0, data: new Float32Array() };
  const { encoder: name, dim, tokens } = conditions.text;
  const encoder = find(TEXT_ENCODERS, name, 'text');
  checkDim(name, encoder.dim, dim);
  const { count, data } = encoder.encode(text);
  return count <= tokens ? { count, data } : { count: tokens, data: data.subarray(0, tokens * dim) };
}

/** The picture is scaled and cropped to the size of the sample first, as training pictures are. @throws Unprocessable */
export async function encodeReference(
  conditions: Conditions,
  bytes: Uint8Array,
  size: PictureSize,
): Promise<EncodedImage> {
  const { cls, patches } = conditions;
  const name = cls?.encoder ?? patches?.encoder;
  if (name === undefined) {
    throw new Unprocessable('the model was trained without cls and patches, so a reference picture says nothing to it');
  }
  const encoder = find(IMAGE_ENCODERS, name, 'image');
  if (cls) checkDim(name, encoder.clsDim, cls.dim);
  if (patches) checkDim(name, encoder.patchDim, patches.dim);
  return encoder.encode(bytes, size, patches?.stride ?? 1);
}

function find<E>(encoders: Readonly<Record<string, E>>, name: string, kind: string): E {
  const encoder = Object.hasOwn(encoders, name) ? encoders[name] : undefined;
  if (encoder) return encoder;
  throw new Unprocessable(`the model was trained with the ${kind} encoder "${name}", which is not known here`, {
    expected: `one of: ${Object.keys(encoders).join(', ')}`,
  });
}

function checkDim(name: string, made: number, wanted: number): void {
  if (made === wanted) return;
  throw new Unprocessable(`the encoder ${name} makes vectors of ${made} numbers, the model wants ${wanted}`, {
    hint: 'train on a dataset that this version encoded',
  });
}
