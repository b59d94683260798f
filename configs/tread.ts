/** @file TREAD (arXiv 2501.04765): in training, a random part of the image tokens skips the blocks in the middle. */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { DEEPEST } from './bounds.ts';
import { GUIDANCE_NAMES, type Sampling } from './sampling.ts';

export const treadSchema = z
  .strictObject({
    /** Share of the image tokens of each sample that skip the blocks of the route. */
    routing_probability: z.number().gt(0).lt(1).default(0.5),
    /** First block that they skip; 0 is the first block of the model. */
    first_block: z.int().nonnegative().max(DEEPEST).default(2),
    /** Last block that they skip; below 0 it counts from the end: -2 leaves one block behind the route. */
    last_block: z.int().min(-DEEPEST).max(DEEPEST).default(-2),
    /** Share of `optimizer.total_samples` after which all tokens go through all blocks; 1: never. */
    until: z.number().positive().max(1).default(0.85),
  })
  .meta({ description: 'image tokens skip blocks in training (TREAD); default: none does' });
export type TreadConfig = z.infer<typeof treadSchema>;

/** The blocks that tokens of a route skip, both included. */
export interface BlockRange {
  readonly first: number;
  readonly last: number;
}

export function routedBlocks({ first_block, last_block }: TreadConfig, depth: number): BlockRange {
  return { first: first_block, last: last_block < 0 ? depth + last_block : last_block };
}

/** Image tokens that go through all blocks, of `tokens`: at least one. */
export function keptTokens({ routing_probability }: TreadConfig, tokens: number): number {
  return tokens - Math.floor(tokens * routing_probability);
}

/** Whether tokens skip blocks in the update that begins after `samples`. */
export function isRouted(tread: TreadConfig | undefined, samples: number, totalSamples: number): boolean {
  return tread !== undefined && (tread.until === 1 || samples < tread.until * totalSamples);
}

/** Image tokens of a picture that a block computes while tokens are routed: the mean over the blocks of the model. */
export function routedTokens(tread: TreadConfig, depth: number, tokens: number): number {
  const { first, last } = routedBlocks(tread, depth);
  const skipped = tokens - keptTokens(tread, tokens);
  return tokens - (skipped * (last - first + 1)) / depth;
}

interface RoutedSections {
  readonly model: { readonly depth: number };
  readonly objective: { readonly tread?: TreadConfig | undefined };
}

/** Reports a route around blocks that the model does not have. For `superRefine` of a config. */
export function checkTread(
  { model: { depth }, objective: { tread } }: RoutedSections,
  ctx: z.core.$RefinementCtx,
): void {
  if (tread === undefined) return;
  const { first, last } = routedBlocks(tread, depth);
  if (first <= last && last < depth) return;
  ctx.addIssue({
    code: 'custom',
    path: ['objective', 'tread', 'last_block'],
    message:
      `the route goes from block ${first} to block ${last}, and the model has ${depth} blocks; expected a last block ` +
      `from first_block to ${depth - 1}, or from ${first - depth} to -1`,
    input: tread.last_block,
  });
}

interface GuidedSections {
  readonly objective: RoutedSections['objective'];
  readonly run: { readonly preview: Pick<Sampling, 'guidance_method'> };
}

/** Reports previews that are guided by a route which the training does not have. For `superRefine` of a config. */
export function checkPreviewGuidance(
  { objective, run: { preview } }: GuidedSections,
  ctx: z.core.$RefinementCtx,
): void {
  if (preview.guidance_method !== 'self_guidance' || objective.tread !== undefined) return;
  ctx.addIssue({
    code: 'custom',
    path: ['run', 'preview', 'guidance_method'],
    message: `self_guidance needs objective.tread, which trains the model with a route; expected ${WITHOUT_ROUTE}`,
    input: preview.guidance_method,
  });
}

const WITHOUT_ROUTE = `one of: ${GUIDANCE_NAMES.filter(name => name !== 'self_guidance').join(', ')}`;

/**
 * The route that guides a sample.
 * @throws Unprocessable for self_guidance of a model that was trained without a route.
 */
export function requireRoute({ tread }: RoutedSections['objective']): TreadConfig {
  if (tread !== undefined) return tread;
  throw new Unprocessable('guidance_method self_guidance needs a model that was trained with objective.tread', {
    expected: WITHOUT_ROUTE,
    hint: 'a new experiment whose config has objective.tread can be guided by itself',
  });
}
