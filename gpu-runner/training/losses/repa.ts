/**
 * @file Representation alignment: the tokens behind a block learn to tell what a teacher sees in a cleaner picture
 * (REPA, arXiv 2410.06940). The teacher may be the average of the model's own weights (SRA, arXiv 2505.02831).
 */
import { type ColumnTeacher, type Repa, repaShape, resolveRepa, type SelfTeacher } from '../../../configs/repa.ts';
import type { ModelConfig } from '../../../configs/schema.ts';
import { linear, rmsNorm, silu } from '../../compiler/composites.ts';
import { add, div, less, max, mul, reduceSum, reshape, select, stopGradient, sub } from '../../compiler/functions.ts';
import { resampleGrid } from '../../compiler/resample.ts';
import type { Value } from '../../compiler/trace.ts';
import { geometryOf } from '../../model/nanodit.ts';
import type { Params } from '../../model/params.ts';
import { putTokens, takeTokens } from '../../model/token-route.ts';
import { distanceOf, flattenGrid, meanDistance } from './distance.ts';
import { defineLoss, type Loss, type LossParts } from './loss-term.ts';
import { patchesColumn, readPatches } from './stored-patches.ts';

/** The least share of a cell: it is divided by. */
const TINY = 1e-12;

export const repa = defineLoss(repaShape, (options, inputs, path): Loss => {
  const resolved = resolveRepa(options, inputs, path);
  const { teacher } = resolved;
  if (teacher.of === 'patches') return alignWithColumn(resolved, teacher, inputs.model);
  return alignWithSelf(resolved, teacher, inputs.model);
});

/** Rows and columns. */
type Grid = readonly [rows: number, columns: number];

function alignWithColumn(repa: Repa, teacher: ColumnTeacher, model: ModelConfig): Loss {
  const { dim, grid, onlyDropped } = teacher;
  return {
    needs: { taps: [repa.block], ...patchesColumn(teacher) },
    apply(params, parts) {
      const { features, present } = readPatches(parts);
      const tokens = tokenGrid(model, parts);
      const guess = adapt(params, repa, passedTokens(repa.block, parts), dim);
      const loss =
        grid === 'tokens'
          ? compareOnTokens(repa, guess, flattenGrid(resampleGrid(features, ...tokens)))
          : compareOnTeacher(repa, guess, tokens, features);
      const kept = onlyDropped ? parts.conditions.patches?.keep : undefined;
      const counted = kept ? mul(present, sub(1, kept)) : present;
      return select(less(0.5, counted), loss, 0);
    },
  };
}

function alignWithSelf(repa: Repa, { ema, block, gap }: SelfTeacher, { hidden_size }: ModelConfig): Loss {
  return {
    needs: { taps: [repa.block], averaged: { ema, block, gap } },
    apply(params, parts) {
      const guess = adapt(params, repa, passedTokens(repa.block, parts), hidden_size);
      // The length of tokens grows from block to block, and over the training.
      return compareOnTokens(repa, guess, rmsNorm(parts.averaged()));
    },
  };
}

function tokenGrid(model: ModelConfig, { x0 }: LossParts): Grid {
  const [, , height = 0, width = 0] = x0.shape;
  const { rows, columns } = geometryOf(model, height, width);
  return [rows, columns];
}

/** Tokens that went through a block. A token that skipped it cannot learn there. */
interface PassedTokens {
  /** [batch, kept, numbers per token] */
  readonly tokens: Value;
  /** Their places, i32 [batch, kept]; undefined: all tokens in order. */
  readonly indices: Value | undefined;
}

function passedTokens(block: number, { tap, routeOf }: LossParts): PassedTokens {
  const indices = routeOf(block);
  return { tokens: indices ? takeTokens(tap(block), indices) : tap(block), indices };
}

/** The hidden numbers of tokens become `dim` features. */
function adapt(params: Params, repa: Repa, passed: PassedTokens, dim: number): PassedTokens {
  return { ...passed, tokens: mapTokens(params, repa, passed.tokens, dim) };
}

/** [batch, n, hidden] -> [batch, n, dim]. */
function mapTokens(params: Params, { adapter, width }: Repa, tokens: Value, dim: number): Value {
  const hidden = tokens.shape[2] ?? 0;
  if (adapter === 'linear') return linear(tokens, params.weight('repa.out', hidden, dim));
  const layer = (x: Value, name: string, outputs: number) =>
    add(
      linear(x, params.weight(`repa.${name}`, x.shape[2] ?? 0, outputs)),
      params.zeros(`repa.${name}_bias`, [outputs]),
    );
  const inner = silu(layer(silu(layer(tokens, 'in', width)), 'mid', width));
  return layer(inner, 'out', dim);
}

/** The mean over the tokens that went through the block. @param target [batch, rows * columns, dim] */
function compareOnTokens(repa: Repa, { tokens, indices }: PassedTokens, target: Value): Value {
  const own = indices ? takeTokens(target, indices) : target;
  return meanDistance(repa.loss_type, tokens, stopGradient(own));
}

/**
 * The mean over the cells of the teacher. A cell is compared with the mean of its tokens that went through the block,
 * and counts by their share of it. @param target [batch, rows, columns, dim] of the teacher's grid
 */
function compareOnTeacher(repa: Repa, { tokens, indices }: PassedTokens, grid: Grid, target: Value): Value {
  const [batch = 0, rows = 0, columns = 0] = target.shape;
  const spread = (x: Value) => flattenGrid(resampleGrid(reshape(x, [batch, ...grid, -1]), rows, columns));
  const goal = stopGradient(flattenGrid(target));
  if (indices === undefined) return meanDistance(repa.loss_type, spread(tokens), goal);
  const { builder } = tokens;
  const put = (x: Value) => putTokens(builder.constant([0], [batch, grid[0] * grid[1], x.shape[2] ?? 0]), indices, x);
  const shares = spread(put(builder.constant([1], [...tokens.shape.slice(0, 2), 1])));
  const means = div(spread(put(tokens)), max(shares, TINY));
  const weighted = mul(distanceOf(repa.loss_type, means, goal), reshape(shares, [batch, -1]));
  const sum = (x: Value) => reshape(reduceSum(x, [1]), [batch]);
  return div(sum(weighted), max(sum(reshape(shares, [batch, -1])), TINY));
}
