import { Unprocessable } from '../../../errors.ts';
import type { Tensors } from '../../compiler/engine.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { type LossMetrics, type LossTerm, metricOf, weightInputOf } from './losses.ts';

/** The losses that one update computes, and their means over its samples. */
export class UpdateLosses {
  /** The losses whose weight is above 0. */
  readonly terms: readonly LossTerm[];
  /** The weights that the gradient graph is fed. */
  readonly feeds: Tensors;
  readonly #batchSize: number;
  readonly #isSingle: boolean;
  readonly #sums = new Map<string, number>();

  /** @param all The losses of the training. @param samples Samples seen before the update. */
  constructor(all: readonly LossTerm[], samples: number, batchSize: number) {
    this.terms = all.filter(term => term.weightAt(samples) > 0);
    if (this.terms.length === 0) {
      throw new Unprocessable(`no loss has a weight above 0 after ${samples} samples`, {
        expected: 'at least one loss at every point of the run',
        hint: 'create a new experiment whose objective.losses leave no gap',
      });
    }
    const weighted = this.terms.filter(term => !term.isPlain);
    this.feeds = Object.fromEntries(
      weighted.map(term => [weightInputOf(term), tensorOf([], [term.weightAt(samples)])] as const),
    );
    this.#batchSize = batchSize;
    this.#isSingle = all.length === 1;
  }

  /** Adds the outputs of a micro-batch. A loss without an output of its own is the output `loss`. */
  add(outputs: Tensors): void {
    this.#add('loss', outputs.loss?.data);
    if (this.#isSingle) return;
    for (const metric of this.terms.map(metricOf)) this.#add(metric, (outputs[metric] ?? outputs.loss)?.data);
  }

  /** The weighted sum of the losses. */
  get mean(): number {
    return this.#meanOf('loss');
  }

  /** Each loss without its weight; nothing when the training has one loss. */
  get metrics(): LossMetrics {
    if (this.#isSingle) return {};
    return Object.fromEntries(this.terms.map(metricOf).map(metric => [metric, this.#meanOf(metric)]));
  }

  #add(name: string, values: ArrayLike<number> = []): void {
    let sum = this.#sums.get(name) ?? 0;
    for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
    this.#sums.set(name, sum);
  }

  #meanOf(name: string): number {
    return (this.#sums.get(name) ?? 0) / this.#batchSize;
  }
}
