/** @file Mirrors a picture and its signals: what is on the left comes to the right. */
import { MIRRORED_JOINTS } from '../../configs/coco-wholebody.ts';
import { mirrorSigns, PICTURE_SIGNALS, type PictureSignal } from '../../configs/mirror.ts';
import type { SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import type { StoredSignal, TrainingItem } from './source.ts';

/** Encoders of the signals that are vectors of a picture. */
export type PictureEncoders = Readonly<Partial<Record<SignalName, string>>>;

type Numbers = Uint8Array | Uint16Array | Float32Array;

/** The sign of a number in f16. */
const F16_SIGN = 0x8000;

/**
 * The mirrored picture, of the same text. A mirrored picture that is mirrored is the picture.
 * @throws Unprocessable for vectors of an encoder without a rule.
 */
export function mirrorItem(item: TrainingItem, encoders: PictureEncoders): TrainingItem {
  const signals: Partial<Record<SignalName, StoredSignal>> = { ...item.signals };
  for (const name of PICTURE_SIGNALS) {
    const signal = signals[name];
    if (signal) signals[name] = mirrorVectors(name, signal, item, encoders[name] ?? 'unknown');
  }
  if (signals.pose) signals.pose = mirrorPose(signals.pose);
  const { pixels, mask, width } = item;
  return {
    ...item,
    pixels: mirrorRows(pixels, width),
    ...(mask && { mask: mirrorRows(mask, width) }),
    signals,
  };
}

/** The cells of each row in reverse. A row has `columns` cells of `depth` numbers. */
function mirrorRows<T extends Numbers>(data: T, columns: number, depth = 1): T {
  const mirrored = data.slice() as T;
  const row = columns * depth;
  for (let start = 0; start < data.length; start += row) {
    if (depth === 1) mirrored.subarray(start, start + row).reverse();
    else {
      for (let column = 0; column < columns; column++) {
        const from = start + column * depth;
        mirrored.set(data.subarray(from, from + depth), start + (columns - 1 - column) * depth);
      }
    }
  }
  return mirrored;
}

function mirrorVectors(
  name: PictureSignal,
  { rows, data }: StoredSignal,
  { height, width, id }: TrainingItem,
  encoder: string,
): StoredSignal {
  // Cells are squares, so that their rows and columns have the ratio of the sides.
  const columns = name === 'patches' ? Math.round((rows * width) / height) : 1;
  const cells = name === 'patches' ? rows * columns : 1;
  const depth = data.length / cells;
  const mirrored = name === 'patches' ? mirrorRows(data, columns, depth) : data.slice();
  const signs = mirrorSigns(encoder, name);
  if (signs === undefined) return { rows, data: mirrored };
  if (signs.length !== depth) {
    throw new Unprocessable(`${name} of ${id} has vectors of ${depth} numbers, and ${encoder} makes ${signs.length}`, {
      expected: `vectors of the encoder ${encoder}, which data.horizontal_flip_prob mirrors`,
    });
  }
  for (const [k, sign] of signs.entries()) {
    if (sign > 0) continue;
    for (let at = k; at < mirrored.length; at += depth) {
      if (mirrored instanceof Float32Array) mirrored[at] = -mirrored[at]!;
      else mirrored[at]! ^= F16_SIGN;
    }
  }
  return { rows, data: mirrored };
}

/** [joints, (x, y, confidence)] with x in [-1, 1]. */
function mirrorPose({ rows, data }: StoredSignal): StoredSignal {
  const mirrored = data.slice();
  for (const [joint, other] of MIRRORED_JOINTS.entries()) {
    mirrored.set(data.subarray(other * 3, other * 3 + 3), joint * 3);
    const x = mirrored[joint * 3]!;
    if (mirrored instanceof Float32Array) mirrored[joint * 3] = 0 - x;
    else mirrored[joint * 3] = x ^ F16_SIGN;
  }
  return { rows, data: mirrored };
}
