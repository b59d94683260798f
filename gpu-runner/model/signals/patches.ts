/** @file Features of patches: added to the image tokens by `arch: joint`, context tokens for `arch: cross`. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear } from '../../compiler/composites.ts';
import { broadcast, mul, not, reduceMean, reshape, select } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { frameOf, gridRotation } from '../positions.ts';
import {
  type ContextGroup,
  isKept,
  normalize,
  nullToken,
  type SignalInput,
  type SignalLayer,
  type TokenGrid,
} from './signal.ts';

export const patchesLayer: SignalLayer = {
  joint: (params, model, input, grid) => ({ spatial: [spatialPatches(params, model, input, grid)] }),
  cross: (params, model, input, grid) => ({ context: patchContext(params, model, input, grid) }),
};

const normOf = ({ conditions }: ModelConfig) => conditions?.patches?.norm ?? 'rms';

/**
 * Features -> [batch, image tokens, hidden], times a gate that starts at 0. Their grid is finer than the tokens by a
 * whole factor.
 */
function spatialPatches(
  params: Params,
  model: ModelConfig,
  { value: grid, keep }: SignalInput,
  { rows, columns }: TokenGrid,
): Value {
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const [factorY, factorX] = [fineRows / rows, fineColumns / columns];
  const cells = reshape(grid, [batch, rows, factorY, columns, factorX, dim]);
  const pooled = reshape(reduceMean(cells, [2, 4]), [batch, rows * columns, dim]);
  const projected = linear(normalize(pooled, normOf(model)), params.weight('patches.proj', dim, model.hidden_size));
  const gated = mul(projected, params.zeros('patches.gate', [model.hidden_size]));
  return select(isKept(keep, 3), gated, 0);
}

/** Features on any grid -> a context token each, at its place; when they are dropped, one null token instead. */
function patchContext(
  params: Params,
  model: ModelConfig,
  { value: grid, keep }: SignalInput,
  tokenGrid: TokenGrid,
): ContextGroup[] {
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const hidden = model.hidden_size;
  const count = fineRows * fineColumns;
  const known = select(isKept(keep, 3), reshape(grid, [batch, count, dim]), 0);
  const projected = linear(normalize(known, normOf(model)), params.weight('patches.proj', dim, hidden));
  const tokens = mul(normalize(projected, normOf(model)), params.gain('patches.norm', hidden));
  const { turn } = frameOf(model, tokenGrid);
  const step = [(turn * tokenGrid.rows) / fineRows, (turn * tokenGrid.columns) / fineColumns] as const;
  const rotation = gridRotation(grid.builder, fineRows, fineColumns, hidden / model.num_heads, step);
  const kept = isKept(keep, 2);
  const visible = broadcast(kept, [batch, count]);
  return [{ tokens, visible, rotation }, nullToken(params, 'patches.null', hidden, not(kept))];
}
