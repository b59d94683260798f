/**
 * @file Distances of two pictures without a network: PSNR, SSIM (Wang et al., IEEE TIP 2004) and MS-SSIM (Wang et al.,
 * Asilomar 2003). Levels are 0-255; red, green and blue count alike.
 */
import { type Plane, similarityOf, WINDOW } from './similarity.ts';

/** data: [height, width, 3], 0-255. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** PSNR of equal pictures, which would be infinite: above that of any two pictures that differ. */
export const EQUAL_PSNR = 150;

/** 10 log10(255^2 / mean squared error), in decibels. @throws RangeError for pictures of two sizes */
export function psnr(a: Picture, b: Picture): number {
  requireOneSize(a, b);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
  return sum === 0 ? EQUAL_PSNR : 10 * Math.log10((255 ** 2 * a.data.length) / sum);
}

/** SSIM of each colour, in the mean. 1 for equal pictures. @throws RangeError as {@link psnr} */
export function ssim(a: Picture, b: Picture): number {
  requireOneSize(a, b);
  return meanOfColors(color => similarityOf(planeOf(a, color), planeOf(b, color)).whole);
}

/** Shares of the scales, finest first, by the paper. */
const SCALES = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333] as const;

export interface MsSsim {
  readonly value: number;
  /**
   * 5 for pictures of which the shorter side has at least 176 pixels. Smaller ones are compared at fewer scales, of
   * which each still has a window; the shares of the scales that are left add up to 1.
   */
  readonly scales: number;
}

/** MS-SSIM of each colour, in the mean. Values of different `scales` are no equals. @throws as {@link ssim} */
export function msSsim(a: Picture, b: Picture): MsSsim {
  requireOneSize(a, b);
  const scales = scalesOf(Math.min(a.width, a.height));
  const shares = SCALES.slice(0, scales);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const value = meanOfColors(color => {
    let [x, y] = [planeOf(a, color), planeOf(b, color)];
    let product = 1;
    for (const [scale, share] of shares.entries()) {
      if (scale > 0) [x, y] = [halve(x), halve(y)];
      const { whole, contrast } = similarityOf(x, y);
      // Structures that are opposite, on the whole, count as without likeness.
      product *= Math.max(0, scale === scales - 1 ? whole : contrast) ** (share / total);
    }
    return product;
  });
  return { value, scales };
}

/** How often a side can be halved, so that the window still fits. */
function scalesOf(side: number): number {
  let scales = 1;
  while (scales < SCALES.length && side >> scales >= WINDOW) scales++;
  return scales;
}

function planeOf({ data, width, height }: Picture, color: number): Plane {
  return { data: Float64Array.from({ length: width * height }, (_, i) => data[3 * i + color]!), width, height };
}

function meanOfColors(measure: (color: number) => number): number {
  return [0, 1, 2].reduce((sum, color) => sum + measure(color), 0) / 3;
}

/** Means of squares of 2 x 2; a row or column without a partner is left out. */
function halve({ data, width, height }: Plane): Plane {
  const half = { data: new Float64Array((width >> 1) * (height >> 1)), width: width >> 1, height: height >> 1 };
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      const at = 2 * (y * width + x);
      half.data[y * half.width + x] = (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4;
    }
  }
  return half;
}

function requireOneSize(a: Picture, b: Picture): void {
  if (a.width === b.width && a.height === b.height && a.data.length === b.data.length && a.data.length > 0) return;
  throw new RangeError(`pictures of ${a.width} x ${a.height} and ${b.width} x ${b.height} cannot be compared`);
}
