/** @file The loss `lpips`, and the networks of LPIPS (arXiv 1801.03924) by the names of the Python package lpips. */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { LONGEST_SIDE } from './bounds.ts';
import { DEFAULT_MAX_SIDE, type PictureSize, shrunkSize, timeLimits } from './perceptual.ts';

export const LPIPS_NETS = ['alex', 'vgg', 'squeeze'] as const;
export type LpipsNet = (typeof LPIPS_NETS)[number];

/** The net of the loss `lpips` when its config names none. */
export const DEFAULT_LPIPS_NET: LpipsNet = 'alex';

/** Name of its weights in the store, and among the frozen nets of an objective. */
export const lpipsModelOf = (net: LpipsNet) => `lpips-${net}` as const;

/** The nets by those names. */
export const LPIPS_MODELS = LPIPS_NETS.map(lpipsModelOf);
export type LpipsModel = ReturnType<typeof lpipsModelOf>;

export function netOfModel(model: LpipsModel): LpipsNet {
  return model.slice('lpips-'.length) as LpipsNet;
}

export const lpipsShape = {
  net: z.enum(LPIPS_NETS).default(DEFAULT_LPIPS_NET),
  /** Larger pictures are compared at a size at which no side is longer: the means of squares of pixels. */
  max_side: z.int().positive().max(LONGEST_SIDE).default(DEFAULT_MAX_SIDE),
  ...timeLimits,
};

/** Shortest sides of pictures in pixels for which every layer of a net has an output. */
export const LEAST_SIDES: Readonly<Record<LpipsNet, number>> = { alex: 31, vgg: 16, squeeze: 25 };

/** @throws Unprocessable for pictures that are too small for the net, or times between which there are none. */
export function checkLpips(
  { net, max_side, t_min, t_max }: z.output<z.ZodObject<typeof lpipsShape>>,
  sizes: readonly PictureSize[],
  path: string,
): void {
  if (t_min > t_max) throw new Unprocessable(`${path}: no time lies between t_min ${t_min} and t_max ${t_max}`);
  const least = LEAST_SIDES[net];
  for (const size of sizes) {
    const { width, height } = shrunkSize(size, max_side);
    if (Math.min(width, height) >= least) continue;
    throw new Unprocessable(
      `${path}: pictures of ${size.width} x ${size.height} are compared at ${width} x ${height}, ` +
        `too small for the net ${net}`,
      {
        expected: `sides of at least ${least} pixels after shrinking to max_side ${max_side}`,
        hint: width === size.width ? 'choose another net, or larger pictures' : 'raise max_side, or choose another net',
      },
    );
  }
}
