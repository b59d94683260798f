import { describe, expect, it } from 'vitest';
import { EQUAL_PSNR, msSsim, type Picture, psnr, ssim } from './picture-distance.ts';
import { GOLDENS } from './testing/goldens.ts';
import { hashedPicture } from './testing/hashed-picture.ts';

describe.each(GOLDENS.pictures)('pictures of $width x $height, slopes $slopes', golden => {
  const { width, height, slopes } = golden;
  const [a, b] = [hashedPicture('first', width, height, slopes[0]), hashedPicture('second', width, height, slopes[1])];

  it('PSNR and SSIM are those of scikit-image, and SSIM that of pytorch-msssim', () => {
    expect(psnr(a, b)).toBeCloseTo(golden.psnr, 10);
    expect(ssim(a, b)).toBeCloseTo(golden.ssim, 10);
    // Its window is of 32 bits.
    expect(ssim(a, b)).toBeCloseTo(golden.pytorch_ssim, 4);
  });

  it('MS-SSIM is that of pytorch-msssim, whole or scale by scale', () => {
    const { value, scales } = msSsim(a, b);
    expect(scales).toBe(golden.scales);
    expect(value).toBeCloseTo(golden.ms_ssim, 4);
    if (golden.pytorch_ms_ssim !== null) expect(value).toBeCloseTo(golden.pytorch_ms_ssim, 4);
  });

  it('a picture equals itself', () => {
    expect(psnr(a, a)).toBe(EQUAL_PSNR);
    expect(ssim(a, a)).toBeCloseTo(1, 12);
    expect(msSsim(a, a).value).toBeCloseTo(1, 12);
  });
});

const flat = (width: number, height: number, level: number): Picture => ({
  data: new Uint8Array(width * height * 3).fill(level),
  width,
  height,
});

it('flat pictures, and pictures smaller than the window, have finite distances', () => {
  for (const side of [1, 2, 8, 40]) {
    const [black, white] = [flat(side, side, 0), flat(side, side, 255)];
    expect(psnr(black, white)).toBe(0);
    expect(ssim(black, black)).toBe(1);
    expect(ssim(black, white)).toBeLessThan(0.001);
    expect(msSsim(black, white).value).toBeLessThan(0.2);
  }
});

it('two large pictures that differ in one number are less alike than equal ones', () => {
  const [a, b] = [flat(512, 512, 9), flat(512, 512, 9)];
  b.data[5] = 10;
  expect(psnr(a, b)).toBeLessThan(EQUAL_PSNR);
});

it('pictures of two sizes are refused', () => {
  expect(() => psnr(flat(2, 3, 0), flat(3, 2, 0))).toThrow('2 x 3 and 3 x 2');
  expect(() => ssim(flat(2, 3, 0), flat(3, 2, 0))).toThrow(RangeError);
});
