/** @file Distances of pictures by an installed net of LPIPS. */
import type { Digest } from '../../../storage/digest.ts';
import type { EngineSpec } from '../../../storage/records.ts';
import { copyWeights } from '../../encoders/weights.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { SetContext } from './draw-set.ts';

export interface InstalledLpips {
  readonly net: string;
  readonly weights: Readonly<Record<string, readonly Digest[]>>;
}

export interface ComparedColumns {
  /** Columns with pictures of the same ids. */
  readonly a: Digest;
  readonly b: Digest;
  readonly engine: EngineSpec;
}

/** Output `distances` of the function `distance`. @throws Unprocessable for pictures that the net cannot compare. */
export async function lpipsDistances(
  ctx: Pick<SetContext, 'call'>,
  { net, weights }: InstalledLpips,
  { a, b, engine }: ComparedColumns,
): Promise<Digest> {
  const body = { net, weights: copyWeights(weights), a, b, engine: { ...engine } };
  return outputOf((await ctx.call('distance', body)).result, 'distances');
}
