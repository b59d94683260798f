/**
 * @file The control rows of every table of quality: pictures that no model drew, made of held-out pictures and of
 * training pictures. A number says something only between theirs.
 */
import type { ControlName } from '../../configs/control-names.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { PlanarImage } from '../pictures/planar.ts';
import { coverCells, shrinkPlane } from '../pictures/shrink-plane.ts';

/** What a control makes its substitute for a held-out picture of. */
export interface ControlInputs {
  readonly id: string;
  readonly picture: PlanarImage;
  /** Another held-out picture of the same size. */
  readonly other: PlanarImage;
  /** The training picture that is nearest to it in features. */
  readonly nearest: PlanarImage;
  /** The mean of training pictures of its size. */
  readonly mean: PlanarImage;
}

export interface Control {
  /** In words, for people. */
  readonly about: string;
  /** Those of the inputs that it needs besides the picture. */
  readonly needs: readonly ('other' | 'nearest' | 'mean')[];
  make(inputs: ControlInputs): PlanarImage;
}

/** Pixels, of pictures of at least {@link BLUR_SIDE}. */
export const BLUR_DEVIATION = 8;
/** Smaller pictures are blurred by the same share of their side, so that as much is left of them. */
export const BLUR_SIDE = 256;

export const CONTROLS: Readonly<Record<ControlName, Control>> = {
  real: {
    about: 'held-out pictures themselves: what a perfect model would reach',
    needs: [],
    make: ({ picture }) => picture,
  },
  down_up: {
    about: 'held-out pictures at half their size, enlarged again',
    needs: [],
    make: ({ picture }) => halveAndDouble(picture),
  },
  blur: {
    about: `held-out pictures blurred, sd ${BLUR_DEVIATION} pixels of ${BLUR_SIDE}`,
    needs: [],
    make: ({ picture }) => blur(picture, blurOf(picture)),
  },
  nearest: {
    about: 'for each held-out picture the training picture that is nearest to it in features',
    needs: ['nearest'],
    make: ({ nearest }) => nearest,
  },
  random: {
    about: 'for each held-out picture another one: real pictures that obey no condition',
    needs: ['other'],
    make: ({ other }) => other,
  },
  mean: { about: 'the mean of training pictures', needs: ['mean'], make: ({ mean }) => mean },
  noise: {
    about: 'random pixels',
    needs: [],
    make: ({ id, picture }) => makeNoise(id, picture),
  },
};

export function blurOf({ width, height }: PlanarImage): number {
  return (BLUR_DEVIATION * Math.min(BLUR_SIDE, Math.sqrt(width * height))) / BLUR_SIDE;
}

function makeNoise(id: string, { width, height }: PlanarImage): PlanarImage {
  const random = new RandomStream(0, `noise ${id}`);
  const data = Uint8Array.from({ length: 3 * width * height }, () => random.below(256));
  return { data, width, height };
}

/** Means of blocks of 2 x 2, and between their middles the straight line. */
function halveAndDouble({ data, width, height }: PlanarImage): PlanarImage {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const [cells, lines] = [coverCells(width, columns), coverCells(height, rows)];
  const [across, down] = [placesBetween(width, columns), placesBetween(height, rows)];
  const area = width * height;
  const made = new Uint8Array(data.length);
  for (let channel = 0; channel < 3; channel++) {
    const small = shrinkPlane(data.subarray(channel * area, (channel + 1) * area), width, cells, lines);
    for (const [y, { from: top, to: bottom, share: low }] of down.entries()) {
      for (const [x, { from: left, to: right, share }] of across.entries()) {
        const above = (1 - share) * small[top * columns + left]! + share * small[top * columns + right]!;
        const below = (1 - share) * small[bottom * columns + left]! + share * small[bottom * columns + right]!;
        made[channel * area + y * width + x] = Math.round((1 - low) * above + low * below);
      }
    }
  }
  return { data: made, width, height };
}

/** For each of `size` pixels the two of `count` cells between whose middles it lies, and the share of the second. */
function placesBetween(size: number, count: number) {
  return Array.from({ length: size }, (_, i) => {
    const at = Math.min(count - 1, Math.max(0, ((i + 0.5) * count) / size - 0.5));
    const from = Math.floor(at);
    return { from, to: Math.min(count - 1, from + 1), share: at - from };
  });
}

/** Gaussian blur, cut off at three deviations; pixels beyond the edge repeat it. */
export function blur({ data, width, height }: PlanarImage, deviation: number): PlanarImage {
  const reach = Math.ceil(3 * deviation);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / 2 / deviation ** 2),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const area = width * height;
  const made = new Uint8Array(data.length);
  const rows = new Float64Array(area);
  for (let channel = 0; channel < 3; channel++) {
    const from = channel * area;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          sum += kernel[k + reach]! * data[from + y * width + Math.min(width - 1, Math.max(0, x + k))]!;
        }
        rows[y * width + x] = sum / total;
      }
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          sum += kernel[k + reach]! * rows[Math.min(height - 1, Math.max(0, y + k)) * width + x]!;
        }
        made[from + y * width + x] = Math.round(sum / total);
      }
    }
  }
  return { data: made, width, height };
}

/** The mean of pictures of one size. @throws RangeError without pictures. */
export function meanPicture(pictures: readonly PlanarImage[]): PlanarImage {
  const [first] = pictures;
  if (first === undefined) throw new RangeError('no pictures have no mean');
  const sums = new Float64Array(first.data.length);
  for (const { data } of pictures) for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + data[i]!;
  return { ...first, data: Uint8Array.from(sums, sum => Math.round(sum / pictures.length)) };
}
