/** @file Features of patches: added to the image tokens, context tokens, or both (`patches.mode`). */
import { patchesModeOf } from '../../../configs/architecture.ts';
import type { ModelConfig } from '../../../configs/schema.ts';
import { add, broadcast, mul, not, reduceMean, reshape, select } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';
import { frameOf, gridRotation } from '../positions.ts';
import { sincosGrid } from '../sincos.ts';
import {
  biasOfCopies,
  type ContextGroup,
  isKept,
  normalize,
  normContext,
  nullToken,
  nullVector,
  project,
  type SignalInput,
  type SignalLayer,
  type TokenGrid,
} from './signal.ts';

export const patchesLayer: SignalLayer = (params, model, input, grid) => {
  const mode = patchesModeOf(model);
  return {
    ...(mode !== 'cross' && { spatial: [spatialPatches(params, model, input, grid)] }),
    ...(mode !== 'spatial_add' && { context: patchContext(params, model, input, grid) }),
  };
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
  const projected = project(params, model, 'patches.proj', normalize(pooled, normOf(model)));
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
  const { builder } = grid;
  const [batch = 0, fineRows = 0, fineColumns = 0, dim = 0] = grid.shape;
  const hidden = model.hidden_size;
  const count = fineRows * fineColumns;
  // With both modes each has its own matrix.
  const name = patchesModeOf(model) === 'both' ? 'patches.context_proj' : 'patches.proj';
  const embed = (vectors: Value) => project(params, model, name, vectors);
  const norm = (tokens: Value) => normContext(params, model, 'patches.norm', tokens, normOf(model));

  const known = select(isKept(keep, 3), reshape(grid, [batch, count, dim]), 0);
  const projected = embed(normalize(known, normOf(model)));
  const hasPlace = model.patches?.position ?? true;
  const step = [tokenGrid.rows / fineRows, tokenGrid.columns / fineColumns] as const;
  const code = hasPlace && model.position === 'sincos' && sincosGrid(builder, fineRows, fineColumns, hidden, step);
  const tokens = norm(code ? add(projected, code) : projected);
  const rotation = hasPlace && model.position !== 'sincos' && rotationOf(grid, model, tokenGrid);
  const kept = isKept(keep, 2);
  const visible = broadcast(kept, [batch, count]);
  const absent = not(kept);
  const nothing = nullVector(params, model, 'patches.null', dim);
  const token = model.nulls === 'input' ? norm(embed(reshape(nothing, [1, 1, dim]))) : nothing;
  return [
    { tokens, visible, ...(rotation && { rotation }) },
    nullToken(token, absent, biasOfCopies(params, model, count)),
  ];
}

/** The rotation of features [batch, rows, columns, dim] at their places. */
function rotationOf({ builder, shape }: Value, model: ModelConfig, grid: TokenGrid) {
  const [, rows = 0, columns = 0] = shape;
  const { turn } = frameOf(model, grid);
  const step = [(turn * grid.rows) / rows, (turn * grid.columns) / columns] as const;
  return gridRotation(builder, rows, columns, model.hidden_size / model.num_heads, step);
}
