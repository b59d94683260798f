/** @file Limits on pictures: what an import takes. The keys of `inspect` and `prepare`. */
import { z } from 'zod';

export interface ImageLimits {
  /** Size of the file. */
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Pixels of the shorter side. */
  readonly minSide: number;
  /** Longer side over shorter side. */
  readonly maxAspect: number;
  /** The call sets these limits by its keys, so a refusal may name them. */
  readonly areKeys?: boolean;
}

export const DEFAULT_LIMITS: ImageLimits = {
  maxBytes: 100 * 2 ** 20,
  maxPixels: 100_000_000,
  minSide: 16,
  maxAspect: 8,
};

/** For pictures that an inspection has accepted. */
export const NO_LIMITS: ImageLimits = {
  maxBytes: Number.POSITIVE_INFINITY,
  maxPixels: Number.POSITIVE_INFINITY,
  minSide: 1,
  maxAspect: Number.POSITIVE_INFINITY,
};

/** Upper limit of `max_bytes`: far below the largest blob. */
export const MAX_PICTURE_BYTES = 2 ** 28;
/** Upper limit of `max_pixels`: three gigabytes decoded. */
const MOST_PIXELS = 1_000_000_000;

export const limitsShape = {
  min_side: z
    .int()
    .min(1)
    .max(MOST_PIXELS)
    .default(DEFAULT_LIMITS.minSide)
    .describe('least pixels of the shorter side'),
  max_pixels: z
    .int()
    .min(1)
    .max(MOST_PIXELS)
    .default(DEFAULT_LIMITS.maxPixels)
    .describe('most pixels; a larger picture is rejected before decoding'),
  max_aspect: z
    .number()
    .min(1)
    .max(MOST_PIXELS)
    .default(DEFAULT_LIMITS.maxAspect)
    .describe('most of longer side divided by shorter side'),
  max_bytes: z.int().min(1).max(MAX_PICTURE_BYTES).default(DEFAULT_LIMITS.maxBytes).describe('most bytes of the file'),
};

const limitsSchema = z.object(limitsShape);

export function limitsOf({ min_side, max_pixels, max_aspect, max_bytes }: z.output<typeof limitsSchema>): ImageLimits {
  return { minSide: min_side, maxPixels: max_pixels, maxAspect: max_aspect, maxBytes: max_bytes, areKeys: true };
}
