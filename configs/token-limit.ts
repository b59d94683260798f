/** @file How many tokens a picture may have. */
import { z } from 'zod';
import { formatCount } from './quantity.ts';

/** The work of attention grows with the square of the tokens. */
export const MOST_TOKENS = 16_384;
/** Sizes of patches to offer. */
const OFFERED = [16, 32] as const;

const count = z.int().positive();
/** The part of a config that decides the tokens, whatever is wrong with the rest. */
const partSchema = z.looseObject({
  model: z.looseObject({ patch_size: count }),
  data: z.looseObject({ image_size: z.looseObject({ width: count, height: count }) }),
});

/** The smallest size of patches that keeps the limit, if one of the usual sizes does. */
export function offerPatchSize(width: number, height: number): number | undefined {
  return OFFERED.find(size => (width * height) / size ** 2 <= MOST_TOKENS);
}

/** A line with figures if a config, which may be invalid otherwise, has too many tokens. */
export function listTokenExcess(config: unknown): string[] {
  const { data: part } = partSchema.safeParse(config);
  if (part === undefined) return [];
  const { width, height } = part.data.image_size;
  const tokensOf = (size: number) => Math.round((width * height) / size ** 2);
  const { patch_size: size } = part.model;
  if (tokensOf(size) <= MOST_TOKENS) return [];
  const better = offerPatchSize(width, height);
  const offer = better === undefined ? '' : `; patches of ${better} pixels are ${formatCount(tokensOf(better))} tokens`;
  return [
    `model.patch_size: patches of ${size} pixels in pictures of ${width} x ${height} are ` +
      `${formatCount(tokensOf(size))} tokens, more than ${formatCount(MOST_TOKENS)}${offer}`,
  ];
}
