/** @file Orthogonalization of Muon's steps by Newton-Schulz iteration. Matrices of one shape are one batch. */

import type { OptimizerConfig } from '../../configs/optimizer.ts';
import { add, concat, matmul, mul, reciprocal, reduceSum, reshape, slice, sqrt } from '../compiler/functions.ts';
import type { AnyNode } from '../compiler/graph.ts';
import type { Value } from '../compiler/trace.ts';

/** Coefficients of the quintic iteration (Jordan et al., "Muon", 2024). */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;

/** Scope of the nodes of the iteration. */
const SCOPE = 'newton-schulz';

/**
 * True for a product of the iteration. Muon's authors run the iteration in bfloat16: it brings singular values near 1,
 * not exactly to 1, and its errors do not add up from step to step.
 */
export const isNewtonSchulz = ({ scope }: Pick<AnyNode, 'scope'>): boolean => scope === SCOPE;

export interface Direction {
  /** [inputs, outputs] of a linear map, [vectors, size] of a table. */
  readonly value: Value;
  /** A table of learned vectors. */
  readonly isTable: boolean;
}

/** Directions -> steps of the same shapes: orthogonalized, scaled, times the learning rate. */
export function orthogonalizeAll(
  directions: readonly Direction[],
  config: OptimizerConfig['muon'],
  learningRate: Value,
): Value[] {
  const alike = Map.groupBy(directions.entries(), ([, { value, isTable }]) => `${value.shape.join('x')} ${isTable}`);
  const results: Value[] = [];
  for (const members of alike.values()) {
    const [rows = 0, columns = 0] = members[0]?.[1].value.shape ?? [];
    const isTable = members[0]?.[1].isTable === true;
    const batch = concat(
      members.map(([, { value }]) => reshape(value, [1, rows, columns])),
      0,
    );
    const [inputs, outputs] = isTable ? [columns, rows] : [rows, columns];
    const rate = mul(learningRate, stepScale(inputs, outputs, config.adjust_lr_fn));
    const orthogonal = batch.builder.scope(SCOPE, () => newtonSchulz(batch, config.ns_steps));
    const scaled = mul(orthogonal, rate);
    for (const [place, [index]] of members.entries()) {
      results[index] = reshape(slice(scaled, 0, place, place + 1), [rows, columns]);
    }
  }
  return results;
}

/**
 * Factor of a step. `match_rms_adamw`: the step has the size of an AdamW step (Moonlight, arXiv 2502.16982).
 * `original`: sqrt(max(1, outputs / inputs)); the vectors of a table count as outputs, as in PyTorch.
 */
function stepScale(inputs: number, outputs: number, adjust: OptimizerConfig['muon']['adjust_lr_fn']): number {
  return adjust === 'match_rms_adamw'
    ? 0.2 * Math.sqrt(Math.max(inputs, outputs))
    : Math.sqrt(Math.max(1, outputs / inputs));
}

/** x [n, rows, columns] -> nearly orthogonal matrices: X <- aX + (bS + cS^2)X, where S = X X^T on the smaller side. */
export function newtonSchulz(x: Value, iterations: number): Value {
  const [, rows = 0, columns = 0] = x.shape;
  const norm = add(sqrt(reduceSum(mul(x, x), [1, 2])), 1e-7);
  let y = mul(x, reciprocal(norm));
  for (let i = 0; i < iterations; i++) {
    const isWide = rows <= columns;
    const square = isWide ? matmul(y, y, { transposeB: true }) : matmul(y, y, { transposeA: true });
    const polynomial = add(mul(square, B), mul(matmul(square, square), C));
    y = add(mul(y, A), isWide ? matmul(polynomial, y) : matmul(y, polynomial));
  }
  return y;
}
