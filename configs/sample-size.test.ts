import { expect, it } from 'vitest';
import { checkSampleSize } from './sample-size.ts';

const model = (patch_size: number, stride?: number) => ({
  patch_size,
  ...(stride !== undefined && { conditions: { patches: { stride } } }),
});

it('any size that patches and features fill is taken, at any aspect', () => {
  for (const [width, height] of [
    [24, 24],
    [240, 24],
    [24, 1200],
  ] as const) {
    checkSampleSize({ width, height }, model(8));
    checkSampleSize({ width, height }, model(8, 12));
  }
});

it.each([
  [{ width: 30, height: 8 }, model(8), '30 x 8 pixels do not divide into patches of 8 pixels', '32 x 8'],
  [{ width: 3, height: 8 }, model(8), '3 x 8 pixels do not divide', '8 x 8'],
  [{ width: 40, height: 32 }, model(8, 16), '40 x 32 pixels are not filled by features every 16 pixels', '48 x 32'],
  [{ width: 50, height: 32 }, model(8, 12), '50 x 32 pixels do not divide into patches of 8 pixels', '48 x 24'],
])('%o is refused with the nearest size', (size, of, message, nearest) => {
  expect(() => checkSampleSize(size, of)).toThrow(message);
  try {
    checkSampleSize(size, of);
  } catch (error) {
    expect(error).toMatchObject({ expected: expect.stringContaining(`: ${nearest} is the nearest size`) });
  }
});
