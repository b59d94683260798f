/** @file Draws the image tokens that skip no block: host-made, so that they are the same on every engine. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { keptTokens, routedBlocks, routedTokens, type TreadConfig } from '../../configs/tread.ts';
import type { RandomStream } from '../../numerics/random-stream.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { BatchShape, PictureSize, RouteShape } from './batch.ts';

/** The route in pictures of that size. */
export function routeShapeOf(model: KeyedConfig['model'], tread: TreadConfig, size: PictureSize): RouteShape {
  return { ...routedBlocks(tread, model.depth), kept: keptTokens(tread, tokensOf(model, size)) };
}

/** The tokens of each sample that skip no block, i32 [samples, kept]: from a stream of its own. */
export function drawRoutes(streams: readonly RandomStream[], tokens: number, kept: number): Tensor {
  const data = new Int32Array(streams.length * kept);
  for (const [i, stream] of streams.entries()) drawRoute(stream, tokens, data.subarray(i * kept, (i + 1) * kept));
  return { shape: [streams.length, kept], dtype: 'i32', data };
}

/** Fills `target` with so many distinct numbers below `tokens`, ascending: every set of that size is as likely. */
export function drawRoute(random: RandomStream, tokens: number, target: Int32Array): void {
  const order = Int32Array.from({ length: tokens }, (_, token) => token);
  for (let i = 0; i < target.length; i++) {
    const j = i + random.below(tokens - i);
    target[i] = order[j]!;
    order[j] = order[i]!;
  }
  target.sort();
}

/** Image tokens of a picture that a block computes: the mean over the blocks of the model. */
export function activeTokens(
  { model, objective: { tread } }: Pick<KeyedConfig, 'model' | 'objective'>,
  { height, width, route }: Omit<BatchShape, 'batch' | 'textTokens'>,
): number {
  const tokens = tokensOf(model, { height, width });
  return tread && route ? routedTokens(tread, model.depth, tokens) : tokens;
}

/** Image tokens of a picture. */
export const tokensOf = ({ patch_size: patch }: KeyedConfig['model'], { height, width }: PictureSize): number =>
  (height / patch) * (width / patch);
