/** @file What pixels say about a picture: sharpness and exposure. CPU work for the worker pool. */
import type { RgbImage } from '../pictures/planar.ts';

export interface PixelMeasures {
  /** Variance of the Laplacian of the grey picture (0 to 255): small where nothing is sharp. */
  readonly blur: number;
  /** Share of pixels that are nearly black. */
  readonly dark: number;
  /** Share of pixels that are nearly white. */
  readonly bright: number;
  /** Mean of the grey picture, 0 to 1. */
  readonly brightness: number;
}

/** Grey values up to this are black, and from 255 less this on white: a camera has lost what was there. */
const CLIPPED = 4;
const WHITE = 255;
const DIGITS = 6;

/**
 * Grey is .299 R + .587 G + .114 B. The Laplacian is that of the four neighbours, inside the border; a picture of less
 * than 3 pixels has none, and the variance 0.
 */
export function measurePixels({ data, width, height }: RgbImage): PixelMeasures {
  const grey = new Float64Array(width * height);
  let [sum, dark, bright] = [0, 0, 0];
  for (let i = 0; i < grey.length; i++) {
    const value = 0.299 * (data[3 * i] ?? 0) + 0.587 * (data[3 * i + 1] ?? 0) + 0.114 * (data[3 * i + 2] ?? 0);
    grey[i] = value;
    sum += value;
    if (value <= CLIPPED) dark++;
    else if (value >= WHITE - CLIPPED) bright++;
  }
  return {
    blur: round(laplacianVariance(grey, width, height)),
    dark: round(dark / grey.length),
    bright: round(bright / grey.length),
    brightness: round(sum / grey.length / WHITE),
  };
}

function laplacianVariance(grey: Float64Array, width: number, height: number): number {
  const count = (width - 2) * (height - 2);
  if (width < 3 || height < 3) return 0;
  let [sum, squares] = [0, 0];
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * width + 1; i < (y + 1) * width - 1; i++) {
      const around = (grey[i - 1] ?? 0) + (grey[i + 1] ?? 0) + (grey[i - width] ?? 0) + (grey[i + width] ?? 0);
      const value = around - 4 * (grey[i] ?? 0);
      sum += value;
      squares += value * value;
    }
  }
  const mean = sum / count;
  return Math.max(0, squares / count - mean * mean);
}

/** Equal on every machine: the last digits of a sum are not worth a difference. */
function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
