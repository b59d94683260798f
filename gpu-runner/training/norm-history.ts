/**
 * @file The norms of the last gradients. A gradient far above their median is finite and useless: clipping keeps its
 * direction, and for twenty updates the moments of the optimizer would hold little else. The history is part of the
 * checkpoint, so that a training that goes on skips the same updates.
 */
import { type Tensor, tensorOf } from '../compiler/tensor.ts';

/** Norms that are remembered. After half as many large ones the median follows, and updates are taken again. */
const WINDOW = 64;
/** With fewer norms there is no limit: they are those of the first updates, which change fast. */
const FEWEST = 16;
/** No norm is negative. */
const NONE = -1;

/** Name of the tensor among those of the optimizer, without the prefix. */
export const RECENT_NORMS = 'recent_norms';

export class NormHistory {
  /** Oldest first. */
  #norms: readonly number[];

  readonly #factor: number;

  /**
   * @param factor A gradient is skipped above so many times the median.
   * @param stored The {@link tensor} of a checkpoint; absent: a new training, or an earlier checkpoint.
   */
  constructor(factor: number, stored?: Tensor) {
    this.#factor = factor;
    this.#norms = Array.from(stored?.data ?? []).filter(norm => norm !== NONE);
  }

  /** f32 [64]: the norms, oldest first, then -1. */
  get tensor(): Tensor {
    const unused = new Array<number>(WINDOW - this.#norms.length).fill(NONE);
    return tensorOf([WINDOW], [...this.#norms, ...unused]);
  }

  /** The norm from which on a gradient is skipped; infinite at the start of a training. */
  get limit(): number {
    return this.#norms.length < FEWEST ? Number.POSITIVE_INFINITY : this.#factor * this.median;
  }

  get median(): number {
    const sorted = this.#norms.toSorted((a, b) => a - b);
    const middle = sorted.length / 2;
    return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  }

  /** Remembers a norm, also of a skipped gradient. One that is not finite has no place in a median. */
  add(norm: number): void {
    if (Number.isFinite(norm)) this.#norms = [...this.#norms, norm].slice(-WINDOW);
  }
}
