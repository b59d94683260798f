/**
 * @file The structural similarity of one colour of two pictures: means, variances and covariance under a window that
 * moves over both.
 */

/** Numbers of one colour, [height, width]. */
export interface Plane {
  readonly data: Float64Array;
  readonly width: number;
  readonly height: number;
}

export interface Similarity {
  /** Of brightness, contrast and structure. */
  readonly whole: number;
  /** Of contrast and structure. */
  readonly contrast: number;
}

/** Side of the window in pixels. In a picture that is smaller, it is the largest odd number that fits. */
export const WINDOW = 11;
const DEVIATION = 1.5;
/** (0.01 * 255)^2 and (0.03 * 255)^2: they keep flat pictures from dividing by 0. */
const BRIGHTNESS = 2.55 ** 2;
const CONTRAST = 7.65 ** 2;

/** Means over all places at which the window lies within the picture. @param b Of the size of `a`. */
export function similarityOf(a: Plane, b: Plane): Similarity {
  const side = Math.min(WINDOW, a.width, a.height);
  const window = gaussian(side % 2 === 0 ? side - 1 : side);
  const means = [a, b].map(plane => blur(plane, window));
  const [x = new Float64Array(), y = x] = means;
  const [xx, yy, xy] = [times(a, a), times(b, b), times(a, b)].map(plane => blur(plane, window));
  let [whole, contrast] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const [meanX, meanY] = [x[i]!, y[i]!];
    const spread = xx![i]! - meanX * meanX + yy![i]! - meanY * meanY;
    const shared = xy![i]! - meanX * meanY;
    const structure = (2 * shared + CONTRAST) / (spread + CONTRAST);
    contrast += structure;
    whole += (structure * (2 * meanX * meanY + BRIGHTNESS)) / (meanX * meanX + meanY * meanY + BRIGHTNESS);
  }
  return { whole: whole / x.length, contrast: contrast / x.length };
}

function gaussian(side: number): Float64Array {
  const weights = Float64Array.from({ length: side }, (_, i) =>
    Math.exp(-((i - (side - 1) / 2) ** 2) / (2 * DEVIATION ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => weight / sum);
}

function times({ data, width, height }: Plane, other: Plane): Plane {
  return { data: data.map((value, i) => value * other.data[i]!), width, height };
}

/** Means under the window, for each place at which it lies within the plane. */
function blur({ data, width, height }: Plane, window: Float64Array): Float64Array {
  const [across, down] = [width - window.length + 1, height - window.length + 1];
  const rows = new Float64Array(height * across);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < across; x++) {
      let sum = 0;
      for (let k = 0; k < window.length; k++) sum += window[k]! * data[y * width + x + k]!;
      rows[y * across + x] = sum;
    }
  }
  const means = new Float64Array(down * across);
  for (let y = 0; y < down; y++) {
    for (let k = 0; k < window.length; k++) {
      const [weight, from, to] = [window[k]!, (y + k) * across, y * across];
      for (let x = 0; x < across; x++) means[to + x]! += weight * rows[from + x]!;
    }
  }
  return means;
}
