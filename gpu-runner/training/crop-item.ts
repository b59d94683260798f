/** @file Crops a picture and its signals. Everything with a place moves; what lies outside is gone. */
import type { SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import type { PictureSize } from '../model/batch.ts';
import type { StoredSignal, TrainingItem } from './source.ts';

/** Pixels. */
export interface Crop extends PictureSize {
  readonly top: number;
  readonly left: number;
}

/**
 * Pixels of a cell of the grid of patches, whose places a crop must keep whole; 1 without patches.
 * @throws Unprocessable if the crop of the middle does not begin at a cell.
 */
export function cropStep({ signals: { patches }, height, id }: TrainingItem, jitter: number): number {
  if (patches === undefined) return 1;
  const cell = height / patches.rows;
  if (jitter % cell === 0) return cell;
  throw new Unprocessable(`data.crop_jitter ${jitter} would cut the patches of ${cell} pixels of ${id}`, {
    expected: `a multiple of ${cell}`,
  });
}

/** The part of the picture. CLS and the text stay: they are of the whole. */
export function cropItem(item: TrainingItem, crop: Crop): TrainingItem {
  const signals: Partial<Record<SignalName, StoredSignal>> = { ...item.signals };
  const { patches, pose } = signals;
  if (patches) signals.patches = cropGrid(patches, item, crop);
  if (pose) signals.pose = cropPose(pose, item, crop);
  const { height, width } = crop;
  const { mask } = item;
  return {
    ...item,
    height,
    width,
    pixels: cropPlanes(item.pixels, item, crop, 3),
    ...(mask && { mask: cropPlanes(mask, item, crop, 1) }),
    signals,
  };
}

function cropPlanes(pixels: Uint8Array, { height, width }: PictureSize, crop: Crop, planes: number): Uint8Array {
  const cropped = new Uint8Array(planes * crop.height * crop.width);
  for (let channel = 0; channel < planes; channel++) {
    for (let y = 0; y < crop.height; y++) {
      const from = (channel * height + crop.top + y) * width + crop.left;
      cropped.set(pixels.subarray(from, from + crop.width), (channel * crop.height + y) * crop.width);
    }
  }
  return cropped;
}

/** Cells are squares, and the crop has whole ones. */
function cropGrid({ rows, data }: StoredSignal, { height, width }: PictureSize, crop: Crop): StoredSignal {
  const cell = height / rows;
  const columns = width / cell;
  const depth = data.length / (rows * columns);
  const [top, left, tall, wide] = [crop.top / cell, crop.left / cell, crop.height / cell, crop.width / cell];
  const cropped = data.slice(0, tall * wide * depth);
  for (let row = 0; row < tall; row++) {
    const from = ((top + row) * columns + left) * depth;
    cropped.set(data.subarray(from, from + wide * depth), row * wide * depth);
  }
  return { rows: tall, data: cropped };
}

/** A joint outside counts as not found. */
function cropPose({ rows, data }: StoredSignal, size: PictureSize, crop: Crop): StoredSignal {
  const moved = Float32Array.from(data);
  for (let at = 0; at < moved.length; at += 3) {
    const [x = 0, y = 0, confidence = 0] = moved.subarray(at, at + 3);
    if (confidence === 0) continue;
    const across = ((x + 1) * size.width - 2 * crop.left) / crop.width - 1;
    const down = ((y + 1) * size.height - 2 * crop.top) / crop.height - 1;
    const isInside = Math.abs(across) <= 1 && Math.abs(down) <= 1;
    moved.set(isInside ? [across, down, confidence] : [0, 0, 0], at);
  }
  return { rows, data: moved };
}
