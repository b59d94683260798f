import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { encodePng, fitRgb } from '../pictures/image.ts';
import type { RgbImage } from '../pictures/planar.ts';
import { measurePixels } from './measure-pixels.ts';

const goldens = z
  .array(
    z.object({
      width: z.int(),
      height: z.int(),
      contrast: z.int(),
      measures: z.object({ blur: z.number(), dark: z.number(), bright: z.number(), brightness: z.number() }),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('./testdata/measures.json', import.meta.url), 'utf8')));

/** The formula of make-measure-goldens.py. */
function draw(width: number, height: number, contrast: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const fold = (v: number, period: number) => Math.floor((Math.abs((v % period) * 2 - period) * 255) / period);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isEven = (Math.floor(x / 5) + Math.floor(y / 5)) % 2 === 0;
      const rgb = [
        fold(x * 3 + y, 197),
        fold(y * 2 + Math.floor((x * x) / 64), 331),
        isEven ? fold(x + y, 61) : 255 - fold(y, 43),
      ];
      const stretched = rgb.map(value => Math.min(255, Math.max(0, (value - 128) * contrast + 128)));
      data.set(stretched, 3 * (y * width + x));
    }
  }
  return { data, width, height };
}

test.each(goldens)('a picture of $width x $height has the measures that NumPy finds', golden => {
  const found = measurePixels(draw(golden.width, golden.height, golden.contrast));
  for (const [name, value] of Object.entries(golden.measures)) {
    const mine = Object.entries(found).find(([key]) => key === name)?.[1];
    expect(Math.abs((mine ?? Number.NaN) - value), name).toBeLessThanOrEqual(1e-5 * Math.abs(value));
  }
});

test('a picture of two pixels has no Laplacian, and black and white are clipped', () => {
  expect(measurePixels({ data: new Uint8Array(12), width: 2, height: 2 })).toEqual({
    ...{ blur: 0, dark: 1, bright: 0, brightness: 0 },
  });
  expect(measurePixels({ data: new Uint8Array(27).fill(255), width: 3, height: 3 })).toEqual({
    ...{ blur: 0, dark: 0, bright: 1, brightness: 1 },
  });
});

test('the more a picture is blurred, the smaller is its sharpness', async () => {
  const sharp = draw(240, 160, 2);
  const shrink = async (side: number) => fitRgb(await encodePng(sharp), side);
  const enlarge = ({ data, width, height }: RgbImage): RgbImage => {
    const factor = 240 / width;
    const big = new Uint8Array(240 * 160 * 3);
    for (let y = 0; y < 160; y++) {
      for (let x = 0; x < 240; x++) {
        // Linear, between the centres of pixels.
        const [u, v] = [Math.max(0, (x + 0.5) / factor - 0.5), Math.max(0, (y + 0.5) / factor - 0.5)];
        const [x0, y0] = [Math.min(width - 1, Math.floor(u)), Math.min(height - 1, Math.floor(v))];
        const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
        for (let c = 0; c < 3; c++) {
          const at = (column: number, row: number) => data[3 * (row * width + column) + c] ?? 0;
          const top = at(x0, y0) * (1 - u + x0) + at(x1, y0) * (u - x0);
          const bottom = at(x0, y1) * (1 - u + x0) + at(x1, y1) * (u - x0);
          big[3 * (y * 240 + x) + c] = top * (1 - v + y0) + bottom * (v - y0);
        }
      }
    }
    return { data: big, width: 240, height: 160 };
  };
  const values = [sharp, enlarge(await shrink(120)), enlarge(await shrink(48)), enlarge(await shrink(24))].map(
    image => measurePixels(image).blur,
  );
  for (const [i, value] of values.slice(1).entries()) expect(value).toBeLessThan(0.6 * (values[i] ?? 0));
});
