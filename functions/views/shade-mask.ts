/** @file Shows the mask of a picture: its black parts are shaded in red. */
import type { RgbImage } from '../pictures/planar.ts';

const SHADE = [208, 32, 32] as const;
/** Part of the colour that is the shade where the mask is black. */
const STRENGTH = 0.7;

/** @param mask uint8 [height, width]. */
export function shadeMask({ data, width, height }: RgbImage, mask: Uint8Array): RgbImage {
  const shaded = Uint8Array.from(data, (level, i) => {
    const part = STRENGTH * (1 - (mask[Math.floor(i / 3)] ?? 255) / 255);
    return Math.round(level + part * ((SHADE[i % 3] ?? 0) - level));
  });
  return { data: shaded, width, height };
}

/** `the mask keeps 43 %`: the mean weight. */
export function describeMask(mask: Uint8Array): string {
  const mean = mask.reduce((sum, level) => sum + level, 0) / Math.max(1, mask.length) / 255;
  return `the mask keeps ${Math.round(100 * mean)} %`;
}
