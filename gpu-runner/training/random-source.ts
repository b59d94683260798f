/** @file A training source of random pictures and signals: for benchmarks and plans, which need shapes and no data. */

import type { KeyedConfig } from '../../configs/schema.ts';
import { SIGNAL_NAMES, SIGNALS, type SignalName, shapeOfSignal } from '../../configs/signals.ts';
import { toF16Bits } from '../../formats/half.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { sizeOf } from '../compiler/tensor.ts';
import type { PictureSize } from '../model/batch.ts';
import type { StoredSignal, TrainingItem, TrainingSource } from './source.ts';

/** Numbers of a signal that are drawn. Longer signals repeat them, since a million draws take half a second. */
const DRAWN = 2 ** 16;

export interface RandomSourceOptions {
  readonly count: number;
  readonly size: PictureSize;
  /** Rows of each padded signal; default: as many as the model takes. */
  readonly textTokens?: number;
}

/**
 * `count` pictures with every signal that the model is conditioned on, stored as columns store them. A picture is made
 * when it is loaded. It depends on its position alone.
 */
export function createRandomSource(
  { model: { conditions } }: Pick<KeyedConfig, 'model'>,
  { count, size, textTokens = conditions?.text?.tokens ?? 1 }: RandomSourceOptions,
): TrainingSource {
  const { height, width } = size;
  const frame = { height, width, tokens: textTokens };

  function fillSignal(name: SignalName, random: RandomStream): StoredSignal | undefined {
    const shape = shapeOfSignal(conditions, name, frame);
    if (shape === undefined) return undefined;
    const normals = new Float32Array(sizeOf(shape));
    const drawn = normals.subarray(0, DRAWN);
    random.fillNormal(drawn);
    for (let at = DRAWN; at < normals.length; at += DRAWN) {
      normals.set(drawn.subarray(0, normals.length - at), at);
    }
    if (name === 'pose') placeJoints(normals);
    const data = SIGNALS[name].dtype === 'f16' ? Uint16Array.from(normals, toF16Bits) : normals;
    return { rows: shape[0] ?? 0, data };
  }

  function makeItem(position: number): TrainingItem {
    const random = new RandomStream(position, 'sample');
    const words = Uint32Array.from({ length: Math.ceil((3 * height * width) / 4) }, () => random.bits());
    const pixels = new Uint8Array(words.buffer, 0, 3 * height * width);
    const signals = SIGNAL_NAMES.flatMap(name => {
      const signal = fillSignal(name, random);
      return signal ? [[name, signal] as const] : [];
    });
    return {
      id: position.toString(16).padStart(16, '0'),
      height,
      width,
      pixels,
      signals: Object.fromEntries(signals),
    };
  }

  return {
    index: {
      ids: Array.from({ length: count }, (_, position) => position.toString(16).padStart(16, '0')),
      sizes: new Array<PictureSize>(count).fill(size),
      longest: { text: textTokens },
    },
    load: async positions =>
      positions.map(position => {
        if (position < count) return makeItem(position);
        throw new RangeError(`there is no item ${position} of ${count}`);
      }),
    close: async () => {},
  };
}

/** Makes x, y of [joints, 3] lie mostly in the picture, and the confidence between 0 and 1. */
function placeJoints(joints: Float32Array): void {
  for (const [i, x] of joints.entries()) joints[i] = i % 3 === 2 ? 1 / (1 + Math.exp(-x)) : x / 2;
}
