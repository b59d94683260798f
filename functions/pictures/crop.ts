/** @file Where a picture is cut to fit a bucket, and what that costs. */
import type { Bucket } from './buckets.ts';
import type { CropWindow } from './image.ts';

/**
 * centre: about the centre. pose: about the joints of a person. attention, entropy: libvips' smart crop. whole: nothing
 * is cut; a view to find joints on, whose size fits no bucket.
 */
export const CROPS = ['centre', 'pose', 'attention', 'entropy', 'whole'] as const;
export type Crop = (typeof CROPS)[number];

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A place in a picture, as shares of its width and height. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The size to which a picture is scaled to cover a bucket. At least one side is the bucket's. */
export function coverSize(bucket: Bucket, { width, height }: Size): Size {
  const scale = Math.max(bucket.width / width, bucket.height / height);
  return {
    width: Math.max(bucket.width, Math.round(width * scale)),
    height: Math.max(bucket.height, Math.round(height * scale)),
  };
}

/** The window about the centre; of an odd rest, the larger half is cut on the left or above, as sharp does. */
export function centreWindow(bucket: Bucket, size: Size): CropWindow {
  const scaled = coverSize(bucket, size);
  const left = (scaled.width - bucket.width + 1) >> 1;
  const top = (scaled.height - bucket.height + 1) >> 1;
  return { scaled, left, top, width: bucket.width, height: bucket.height };
}

/**
 * The window with most of the points inside. Of equally good windows, the one nearest to that about the middle of the
 * points that it keeps, so that what lies beyond the outermost joints (hair, feet) has room on both sides. Without
 * points, the window about the centre.
 */
export function poseWindow(bucket: Bucket, size: Size, points: readonly Point[]): CropWindow {
  const middle = centreWindow(bucket, size);
  const { scaled, width, height } = middle;
  const inside = points.filter(point => isInside({ scaled, left: 0, top: 0, ...scaled }, point));
  const across = inside.map(({ x }) => x * scaled.width);
  const down = inside.map(({ y }) => y * scaled.height);
  return {
    ...middle,
    left: bestStart(across, width, scaled.width, middle.left),
    top: bestStart(down, height, scaled.height, middle.top),
  };
}

/**
 * First pixel of the window of `length` pixels in `total` that holds most of the places, in one direction. Only one
 * direction of a crop has room, so both can be chosen apart.
 */
function bestStart(places: readonly number[], length: number, total: number, centred: number): number {
  const last = total - length;
  if (last === 0 || places.length === 0) return centred;
  let best = { start: centred, count: -1, distance: 0 };
  for (let start = 0; start <= last; start++) {
    const kept = places.filter(place => place >= start && place < start + length);
    if (kept.length < best.count) continue;
    const wanted = kept.length === 0 ? centred : (Math.min(...kept) + Math.max(...kept) - length) / 2;
    const distance = Math.abs(start - wanted);
    if (kept.length > best.count || distance < best.distance) best = { start, count: kept.length, distance };
  }
  return best.start;
}

/** Share of the picture's area that the window leaves out. */
export function cutOf({ scaled, width, height }: CropWindow): number {
  return 1 - (width * height) / (scaled.width * scaled.height);
}

/** Whether a point of the whole picture lies in the window. */
export function isInside({ scaled, left, top, width, height }: CropWindow, { x, y }: Point): boolean {
  const [px, py] = [x * scaled.width, y * scaled.height];
  return px >= left && px < left + width && py >= top && py < top + height;
}
