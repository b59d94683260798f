/** @file Statistics for a table of results: an interval for a share, and the visibility of patch borders. */
import { InvalidInput } from '../../errors.ts';
import type { RgbPixels } from '../pixels.ts';

/** Quantile of the normal distribution for a two-sided interval of 95 %. */
const Z = 1.959963984540054;

/** Wilson's score interval for k successes of n. @throws InvalidInput unless 0 <= k <= n and n > 0. */
export function wilson(k: number, n: number): { readonly low: number; readonly high: number } {
  if (!(n > 0 && k >= 0 && k <= n)) throw new InvalidInput(`no interval for ${k} of ${n}`, { expected: '0 <= k <= n' });
  const share = k / n;
  const spread = Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  const centre = share + (Z * Z) / (2 * n);
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}

/**
 * Mean absolute gradient across patch borders, divided by the mean inside patches, in both directions, over all
 * pictures. Pictures with invisible borders have about the ratio of real pictures; divide by that.
 * @throws InvalidInput if there is no border or no detail.
 */
export function seamRatio(pictures: readonly RgbPixels[], patch: number): number {
  const across = { sum: 0, count: 0 };
  const inside = { sum: 0, count: 0 };
  for (const { data, width, height } of pictures) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < 3; channel++) {
          const at = (y * width + x) * 3 + channel;
          const value = data[at] ?? 0;
          if (x + 1 < width) add((x + 1) % patch === 0 ? across : inside, value - (data[at + 3] ?? 0));
          if (y + 1 < height) add((y + 1) % patch === 0 ? across : inside, value - (data[at + width * 3] ?? 0));
        }
      }
    }
  }
  if (across.count === 0 || inside.sum === 0) {
    throw new InvalidInput(`no seams can be measured with patches of ${patch} pixels`, {
      expected: 'pictures with some detail, larger than a patch',
    });
  }
  return across.sum / across.count / (inside.sum / inside.count);
}

function add(total: { sum: number; count: number }, difference: number): void {
  total.sum += Math.abs(difference);
  total.count++;
}
