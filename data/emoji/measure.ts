/** @file Reads the background of an emoji from pixels: the frame around the picture has its colour. */
import { Unprocessable } from '../../errors.ts';
import type { RgbPixels } from '../portraits/measure.ts';
import { BACKGROUNDS, type BackgroundName, nearestName, type Rgb } from '../portraits/palette.ts';

/** Share of the side that is left free on each side of an emoji. */
export const MARGIN = 0.0625;

/** @throws Unprocessable if the picture is not square, or smaller than 32 pixels. */
export function measureBackground({ data, width, height }: RgbPixels): BackgroundName {
  if (width !== height || width < 32) {
    throw new Unprocessable(`a picture of ${width} x ${height} pixels cannot be measured as an emoji`, {
      expected: 'a square of at least 32 pixels',
    });
  }
  const frame = Math.max(1, Math.floor(MARGIN * width) - 1);
  const colors: Rgb[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.min(x, y, width - 1 - x, height - 1 - y) >= frame) continue;
      const at = (y * width + x) * 3;
      colors.push([data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0]);
    }
  }
  const median = (channel: 0 | 1 | 2) => {
    const values = colors.map(color => color[channel]).sort((a, b) => a - b);
    return values[values.length >> 1] ?? 0;
  };
  return nearestName(BACKGROUNDS, [median(0), median(1), median(2)]);
}
