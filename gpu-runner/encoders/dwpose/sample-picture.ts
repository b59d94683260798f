/** @file Reads a picture between its pixels, bilinearly, as OpenCV does with INTER_LINEAR, but without its rounding. */

import type { Picture } from '../encoder.ts';

/** Where rows or columns of the result lie in the picture: place i is at first + i * step. Places count pixels. */
export interface Places {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** What lies beyond the picture: its edge goes on, or there is black. */
export type Beyond = 'edge' | 'black';

/** The two pixels around a place, and the share of each. A pixel beyond the picture has no share where it is black. */
interface Pair {
  readonly low: number;
  readonly high: number;
  readonly lowShare: number;
  readonly highShare: number;
}

function pairsOf({ first, step, count }: Places, size: number, beyond: Beyond): Pair[] {
  return Array.from({ length: count }, (_, i) => {
    const place = first + i * step;
    const low = Math.floor(place);
    const share = place - low;
    const isIn = (index: number) => beyond === 'edge' || (index >= 0 && index < size);
    const inside = (index: number) => Math.min(size - 1, Math.max(0, index));
    return {
      low: inside(low),
      high: inside(low + 1),
      lowShare: isIn(low) ? 1 - share : 0,
      highShare: isIn(low + 1) ? share : 0,
    };
  });
}

/**
 * One channel of the picture at rows x columns, rounded to whole levels: [rows, columns], 0 to 255. The networks were
 * trained on pictures of whole levels.
 */
export function samplePlane(
  { data, height, width }: Picture,
  channel: number,
  rows: Places,
  columns: Places,
  beyond: Beyond,
): Float32Array {
  const plane = data.subarray(channel * height * width, (channel + 1) * height * width);
  const across = pairsOf(columns, width, beyond);
  const sampled = new Float32Array(rows.count * columns.count);
  let at = 0;
  for (const down of pairsOf(rows, height, beyond)) {
    const [upper, lower] = [down.low * width, down.high * width];
    for (const { low, high, lowShare, highShare } of across) {
      const above = plane[upper + low]! * lowShare + plane[upper + high]! * highShare;
      const below = plane[lower + low]! * lowShare + plane[lower + high]! * highShare;
      sampled[at++] = Math.floor(above * down.lowShare + below * down.highShare + 0.5);
    }
  }
  return sampled;
}
