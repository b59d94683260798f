/** @file Reads the background of an emoji from pixels: the frame around the picture has its colour. */
import { colorAt, medianColor, nearestName, type Rgb, type RgbPixels, requireSquare } from '../pixels.ts';
import { BACKGROUNDS, type BackgroundName } from '../portraits/palette.ts';

/** Share of the side that is left free on each side of an emoji. */
export const MARGIN = 0.0625;

/** @throws Unprocessable if the picture is not square, or smaller than 32 pixels. */
export function measureBackground(pixels: RgbPixels): BackgroundName {
  requireSquare(pixels, 'an emoji');
  const { width, height } = pixels;
  const frame = Math.max(1, Math.floor(MARGIN * width) - 1);
  const colors: Rgb[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.min(x, y, width - 1 - x, height - 1 - y) < frame) colors.push(colorAt(pixels, y, x));
    }
  }
  return nearestName(BACKGROUNDS, medianColor(colors));
}
