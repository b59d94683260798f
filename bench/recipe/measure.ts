/** @file The measurements of pictures, equal for all arms and for the controls. */

import type { RgbPixels } from '../../data/pixels.ts';
import { type Attribute, countRight, type KnownPortrait } from '../../data/portraits/checks.ts';
import { seamRatio } from '../../data/portraits/statistics.ts';
import type { Features } from '../../metrics/features.ts';
import { kernelDistance } from '../../metrics/kernel-distance.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { FeatureNet } from './features.ts';
import { PATCH } from './portraits.ts';

export interface PictureMeasures {
  /** Kernel distance of EfficientNet-Lite0 features to those of training pictures. */
  readonly kid: number;
  /** Shares of the pictures that show what the caption says. */
  readonly shares: Readonly<Record<Attribute, number>>;
  /** Gradient across patch borders over inside, relative to real pictures. */
  readonly seams: number;
  /** Standard deviation in the two upper corners, where portraits are flat, in levels of 255: root mean square. */
  readonly grain: number;
}

export interface Reference {
  readonly net: FeatureNet;
  /** Of training pictures. */
  readonly features: Features;
  readonly real: readonly RgbPixels[];
}

export async function measurePictures(
  portraits: readonly KnownPortrait[],
  { net, features, real }: Reference,
): Promise<PictureMeasures> {
  const pictures = portraits.map(({ pixels }) => pixels);
  const right = countRight(portraits);
  const share = (name: Attribute) => right[name] / portraits.length;
  return {
    kid: kernelDistance(await net.describe(pictures), features),
    shares: {
      background: share('background'),
      clothes: share('clothes'),
      hair: share('hair'),
      glasses: share('glasses'),
    },
    seams: seamRatio(pictures, PATCH) / seamRatio(real, PATCH),
    grain: grainOf(pictures),
  };
}

/** Pixels of a flat corner's side. */
const CORNER = 6;

function grainOf(pictures: readonly RgbPixels[]): number {
  let [sum, count] = [0, 0];
  for (const { data, width } of pictures) {
    for (const left of [0, width - CORNER]) {
      for (let channel = 0; channel < 3; channel++) {
        const levels = Array.from({ length: CORNER ** 2 }, (_, k) => {
          const [row, column] = [Math.floor(k / CORNER), left + (k % CORNER)];
          return data[3 * (row * width + column) + channel] ?? 0;
        });
        const mean = levels.reduce((a, b) => a + b, 0) / levels.length;
        sum += levels.reduce((total, level) => total + (level - mean) ** 2, 0) / levels.length;
        count++;
      }
    }
  }
  return Math.sqrt(sum / count);
}

/** Pictures with normal noise of `deviation` levels. */
export function addNoise(portraits: readonly KnownPortrait[], deviation: number): KnownPortrait[] {
  const random = new RandomStream(1, 'noise');
  return portraits.map(({ attributes, pixels }) => {
    const noisy = Uint8Array.from(pixels.data, level =>
      Math.min(255, Math.max(0, Math.round(level + deviation * random.normal()))),
    );
    return { attributes, pixels: { ...pixels, data: noisy } };
  });
}
