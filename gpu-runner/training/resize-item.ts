/** @file A picture and its signals at a smaller size: `data.resolution_schedule`. */
import { Unprocessable } from '../../errors.ts';
import { widenF16 } from '../../formats/half.ts';
import type { PictureSize } from '../model/batch.ts';
import { averageGrid, resizePlanes } from './resample.ts';
import type { StoredSignal, TrainingItem } from './source.ts';

/**
 * The picture and its mask at that size. Features of patches are averaged to the coarser grid. Joints are shares of the
 * sides, and CLS and the text are of the whole: they stay.
 * @throws Unprocessable if cells of the grid do not fill the smaller picture.
 */
export function resizeItem(item: TrainingItem, { height, width }: PictureSize): TrainingItem {
  if (height === item.height && width === item.width) return item;
  const to = { height, width };
  const { mask } = item;
  const { patches } = item.signals;
  return {
    ...item,
    ...to,
    pixels: resizePlanes(item.pixels, item, to),
    ...(mask && { mask: resizePlanes(mask, item, to) }),
    signals: patches ? { ...item.signals, patches: shrinkGrid(patches, item, to) } : item.signals,
  };
}

function shrinkGrid({ rows, data }: StoredSignal, { height, width, id }: TrainingItem, to: PictureSize): StoredSignal {
  const cell = height / rows;
  if (to.height % cell !== 0 || to.width % cell !== 0) {
    throw new Unprocessable(
      `patches of ${cell} pixels do not fill ${id} at ${to.width} x ${to.height}, its size by data.resolution_schedule`,
      { expected: `a scale by which the sides are multiples of ${cell}` },
    );
  }
  let numbers: Float32Array;
  if (data instanceof Float32Array) numbers = data;
  else {
    numbers = new Float32Array(data.length);
    widenF16(data, numbers, 0);
  }
  const grid = { height: to.height / cell, width: to.width / cell };
  return { rows: grid.height, data: averageGrid(numbers, { height: rows, width: width / cell }, grid) };
}
