/** @file Labels the pixels of a figure by the segment of a limb whose colour they have. */
import { type Rgb, type RgbPixels, rgbOf, squaredDistance } from '../pixels.ts';
import { OTHER_COLORS, SEGMENT_NAMES, SEGMENTS } from './palette.ts';

/** Squared distance up to which a pixel has the colour of a segment. */
const SEGMENT_DISTANCE = 75 ** 2;
/** The same of a mixture. Garments and skins lie beside many mixtures. */
const MIXTURE_DISTANCE = 20 ** 2;
/** Of the colour of a segment in a mixture. Below, the pixels beside a limb would count. */
const LEAST_SHARE = 0.35;
const SEGMENT_COLORS = SEGMENT_NAMES.map(name => rgbOf(SEGMENTS[name]));

/** For each pixel the number of its segment from 1 on, or 0. */
export function labelSegments(pixels: RgbPixels): Uint8Array {
  return labelPixels(pixels, color => {
    const nearest = findNearest(color, SEGMENT_COLORS, SEGMENT_DISTANCE);
    return nearest && OTHER_COLORS.every(other => squaredDistance(other, color) > nearest.distance) ? nearest.label : 0;
  });
}

/**
 * The same of a picture in which limbs have no colour of their own, such as a blurred one: there a thin limb is a
 * mixture of its colour and that of the background. So a pixel counts that lies on the line between the two.
 */
export function labelMixtures(pixels: RgbPixels, background: Rgb): Uint8Array {
  const lines = SEGMENT_COLORS.map(segment => {
    const way = subtract(segment, background);
    return { way, length: dot(way, way) };
  });
  return labelPixels(pixels, color => {
    const offset = subtract(color, background);
    const mixtures = lines.map(({ way, length }): Rgb | undefined => {
      const share = Math.min(1, dot(offset, way) / length);
      return share < LEAST_SHARE ? undefined : [share * way[0], share * way[1], share * way[2]];
    });
    return findNearest(offset, mixtures, MIXTURE_DISTANCE)?.label ?? 0;
  });
}

function labelPixels({ data, width, height }: RgbPixels, labelOf: (color: Rgb) => number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, at) =>
    labelOf([data[3 * at] ?? 0, data[3 * at + 1] ?? 0, data[3 * at + 2] ?? 0]),
  );
}

/** @param most Squared distance below which a colour counts. */
function findNearest(color: Rgb, colors: readonly (Rgb | undefined)[], most: number) {
  let found: { readonly label: number; readonly distance: number } | undefined;
  for (const [i, each] of colors.entries()) {
    const distance = each ? squaredDistance(each, color) : Number.POSITIVE_INFINITY;
    if (distance < (found?.distance ?? most)) found = { label: i + 1, distance };
  }
  return found;
}

const subtract = (a: Rgb, b: Rgb): Rgb => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Rgb, b: Rgb): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
