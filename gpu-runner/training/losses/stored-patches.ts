/** @file The column `patches` as what a loss compares with: features of the cells of a grid. */
import { less, reshape, select } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { LossNeeds, LossParts } from './loss-term.ts';

export interface StoredPatches {
  /** [batch, rows, columns, dim]; zeros where a sample has none. */
  readonly features: Value;
  /** [batch]: whether the sample has them, and the same as 1 or 0. */
  readonly isKnown: Value;
  readonly present: Value;
}

/** The need of a loss that reads the column. @param column Features of one cell, and pixels per cell. */
export function patchesColumn({ dim, stride }: { readonly dim: number; readonly stride: number }): LossNeeds {
  return { columns: { patches: ({ height, width }) => [height / stride, width / stride, dim] } };
}

export function readPatches({ column }: LossParts): StoredPatches {
  const { value, present } = column('patches');
  const isKnown = less(0.5, present);
  return { features: select(reshape(isKnown, [-1, 1, 1, 1]), value, 0), isKnown, present };
}
