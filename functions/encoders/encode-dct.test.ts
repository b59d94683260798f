import { expect, test } from 'vitest';
import { DCT_MIRROR_SIGNS } from '../../configs/dct-layout.ts';
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { Unprocessable } from '../../errors.ts';
import { renderSvgRgb } from '../pictures/image.ts';
import { type PlanarImage, toPlanar } from '../pictures/planar.ts';
import { DCT_CLS_DIM, DCT_PATCH_DIM, encodeDct } from './encode-dct.ts';

function paint(width: number, height: number, colorAt: (x: number, y: number) => readonly number[]): PlanarImage {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colorAt(x, y), (y * width + x) * 3);
  return toPlanar({ data, width, height });
}

test('toPlanar gathers channels into planes', () => {
  const { data } = toPlanar({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1 });
  expect([...data]).toEqual([1, 4, 2, 5, 3, 6]);
});

test('a flat picture has its mean in the zeroth coefficients and zeros elsewhere', () => {
  const { cls, patches } = encodeDct(
    paint(24, 16, () => [255, 255, 255]),
    8,
  );
  expect(patches).toMatchObject({ rows: 2, columns: 3 });
  // White is Y = 1. CLS: 32 / (32 x 0.25) = 4. Patches: 8 / (8 x 0.4) = 2.5.
  expect(cls[0]).toBeCloseTo(4, 5);
  expect(Math.max(...cls.slice(1).map(Math.abs))).toBeLessThan(1e-5);
  for (let cell = 0; cell < 6; cell++) {
    const numbers = patches.data.subarray(cell * DCT_PATCH_DIM, (cell + 1) * DCT_PATCH_DIM);
    expect(numbers[0]).toBeCloseTo(2.5, 5);
    expect(Math.max(...numbers.slice(1).map(Math.abs))).toBeLessThan(1e-5);
  }
});

test('a bright square changes the features of its own patch only', () => {
  const flat = encodeDct(
    paint(32, 24, () => [128, 128, 128]),
    8,
  );
  for (const [column, row] of [
    [0, 0],
    [3, 0],
    [1, 2],
    [3, 2],
  ] as const) {
    const inside = (x: number, y: number) => x >> 3 === column && y >> 3 === row;
    const { patches } = encodeDct(
      paint(32, 24, (x, y) => (inside(x, y) ? [250, 220, 40] : [128, 128, 128])),
      8,
    );
    for (let cell = 0; cell < 12; cell++) {
      const span = [cell * DCT_PATCH_DIM, (cell + 1) * DCT_PATCH_DIM] as const;
      const same = Buffer.from(patches.data.slice(...span).buffer).equals(
        Buffer.from(flat.patches.data.slice(...span).buffer),
      );
      expect(same).toBe(cell !== row * 4 + column);
    }
  }
});

test('colour changes Cb and Cr, a vertical ramp the vertical frequency', () => {
  const { patches } = encodeDct(
    paint(8, 8, () => [40, 60, 250]),
    8,
  );
  expect(patches.data[9]).toBeGreaterThan(1);
  expect(patches.data[18]).toBeLessThan(0);
  const ramp = encodeDct(
    paint(8, 8, (_, y) => [30 * y, 30 * y, 30 * y]),
    8,
  ).patches.data;
  // Rows of 3 x 3 are vertical frequencies: index 3 is (v 1, u 0), index 1 is (v 0, u 1).
  expect(Math.abs(ramp[3] ?? 0)).toBeGreaterThan(1);
  expect(Math.abs(ramp[1] ?? 0)).toBeLessThan(1e-5);
});

test('CLS of a scene is about the same at any size and shape', () => {
  const scene = (x: number, y: number) => [Math.round(255 * x), Math.round(255 * y), 90];
  const sizes = [
    [64, 64],
    [96, 96],
    [48, 80],
    [40, 24],
  ] as const;
  const [first, ...others] = sizes.map(
    ([width, height]) =>
      encodeDct(
        paint(width, height, (x, y) => scene((x + 0.5) / width, (y + 0.5) / height)),
        8,
      ).cls,
  );
  for (const cls of others)
    for (const [i, value] of cls.entries()) expect(value).toBeCloseTo(first?.[i] ?? Number.NaN, 1);
});

test('a stride that does not divide the sides is refused, and strides of 1 and 2 work', () => {
  const image = paint(12, 12, (x, y) => [x * 20, y * 20, 0]);
  expect(() => encodeDct(image, 8)).toThrow(Unprocessable);
  expect(encodeDct(image, 1).patches).toMatchObject({ rows: 12, columns: 12 });
  const { data } = encodeDct(image, 2).patches;
  expect(data.every(Number.isFinite)).toBe(true);
});

test('every coefficient has about unit spread on portraits', async () => {
  const pictures = await Promise.all(
    Array.from({ length: 200 }, async (_, i) =>
      encodeDct(toPlanar(await renderSvgRgb(drawSvg(drawPortrait(5, i), 64))), 8),
    ),
  );
  const spread = (values: readonly number[]) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  expect(spread(pictures.flatMap(({ cls }) => [...cls]))).toBeCloseTo(1, 0);
  for (let k = 0; k < DCT_PATCH_DIM; k++) {
    const values = pictures.flatMap(({ patches }) =>
      Array.from({ length: 64 }, (_, cell) => patches.data[cell * DCT_PATCH_DIM + k] ?? 0),
    );
    expect(spread(values)).toBeGreaterThan(0.5);
    expect(spread(values)).toBeLessThan(1.5);
  }
  expect(pictures[0]?.cls).toHaveLength(DCT_CLS_DIM);
});

test('the signs of configs/dct-layout.ts make the vectors of a mirrored picture', () => {
  const image = paint(48, 32, (x, y) => [(x * x + y) % 256, (3 * x + y * y) % 256, (x * y) % 256]);
  const { width, height } = image;
  const data = image.data.slice();
  for (let row = 0; row < 3 * height; row++) data.subarray(row * width, (row + 1) * width).reverse();
  const [plain, mirrored] = [encodeDct(image, 8), encodeDct({ data, width, height }, 8)];
  expect(DCT_MIRROR_SIGNS.cls).toHaveLength(DCT_CLS_DIM);
  for (const [i, sign] of DCT_MIRROR_SIGNS.cls.entries()) {
    expect(mirrored.cls[i], `number ${i} of CLS`).toBeCloseTo(sign * (plain.cls[i] ?? Number.NaN), 5);
  }
  const { rows, columns } = plain.patches;
  for (let cell = 0; cell < rows * columns; cell++) {
    const other = cell - (cell % columns) + columns - 1 - (cell % columns);
    for (const [i, sign] of DCT_MIRROR_SIGNS.patches.entries()) {
      const expected = sign * (plain.patches.data[other * DCT_PATCH_DIM + i] ?? Number.NaN);
      expect(mirrored.patches.data[cell * DCT_PATCH_DIM + i], `number ${i} of patch ${cell}`).toBeCloseTo(expected, 5);
    }
  }
});
