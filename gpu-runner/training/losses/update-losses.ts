import { Unprocessable } from '../../../errors.ts';
import type { Tensors } from '../../compiler/engine.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { type LossMetrics, type LossTerm, metricOf, weightInputOf } from './losses.ts';

/** Loss is logged for so many equal parts of t in [0, 1]. */
const TIME_BINS = 5;

/** Pictures that the log of a skipped update names. */
const MOST_SUSPECTS = 8;

/** Means of the weighted sum of the losses over the samples whose t lies between two numbers. */
export type TimeBinMetrics = { readonly [bin: `loss_t/${string}`]: number };

/** Weights of losses in an update, by name. */
export type LossWeights = { readonly [term: `weight/${string}`]: number };

/** What decides how much each sample of an update counts, and where: by place in the update. */
export interface DrawnSamples {
  /** Weights in the mean; their sum is 1. A filler has 0. */
  readonly shares: readonly number[];
  readonly times: Float32Array;
}

/** The losses that one update computes, and their means over its samples. */
export class UpdateLosses {
  /** The losses whose weight is above 0. */
  readonly terms: readonly LossTerm[];
  /** The weights that the gradient graph is fed. */
  readonly feeds: Tensors;
  readonly #drawn: DrawnSamples;
  readonly #samples: number;
  readonly #isSingle: boolean;
  readonly #values = new Map<string, number[]>();

  /** @param all The losses of the training. @param samples Samples seen before the update. */
  constructor(all: readonly LossTerm[], samples: number, drawn: DrawnSamples) {
    this.terms = termsAt(all, samples);
    const weighted = this.terms.filter(term => !term.isPlain);
    this.feeds = Object.fromEntries(
      weighted.map(term => [weightInputOf(term), tensorOf([], [term.weightAt(samples)])] as const),
    );
    this.#drawn = drawn;
    this.#samples = samples;
    this.#isSingle = all.length === 1;
  }

  /** Adds the outputs of the next micro-batch. A loss without an output of its own is the output `loss`. */
  add(outputs: Tensors): void {
    this.#add('loss', outputs.loss?.data);
    for (const metric of this.terms.map(metricOf)) this.#add(metric, (outputs[metric] ?? outputs.loss)?.data);
  }

  /** The weighted sum of the losses. */
  get mean(): number {
    return this.#meanOf('loss') ?? 0;
  }

  /** Each loss without its weight; nothing when the training has one loss. */
  get metrics(): LossMetrics {
    if (this.#isSingle) return {};
    return Object.fromEntries(this.terms.map(metricOf).map(metric => [metric, this.#meanOf(metric) ?? 0]));
  }

  /** Flow matching without its weight; undefined when the update does not compute it. */
  get flow(): number | undefined {
    const term = this.terms.find(({ name }) => name === 'flow_matching');
    return term && this.#meanOf(metricOf(term));
  }

  /** The weights of the losses that are not plain. */
  get weights(): LossWeights {
    const weighted = this.terms.filter(term => !term.isPlain);
    return Object.fromEntries(weighted.map(term => [`weight/${term.name}`, term.weightAt(this.#samples)]));
  }

  /** The weighted sum by time. A part of [0, 1] in which the update has no sample is left out. */
  get byTime(): TimeBinMetrics {
    const bins = Array.from({ length: TIME_BINS }, (_, bin) => {
      const mean = this.#meanOf('loss', t => Math.min(TIME_BINS - 1, Math.floor(t * TIME_BINS)) === bin);
      return [`loss_t/${(bin / TIME_BINS).toFixed(1)}-${((bin + 1) / TIME_BINS).toFixed(1)}`, mean] as const;
    });
    return Object.fromEntries(bins.flatMap(([name, mean]) => (mean === undefined ? [] : [[name, mean]])));
  }

  /**
   * The pictures that a skip may be blamed on, the worst first, at most {@link MOST_SUSPECTS}: those whose loss is not
   * finite; if all losses are finite, those of the largest weighted loss.
   * @param ids By place in the update.
   */
  suspects(ids: readonly string[]): string[] {
    const counted = (this.#values.get('loss') ?? [])
      .map((loss, place) => ({ id: ids[place] ?? '', loss, share: this.#drawn.shares[place] ?? 0 }))
      .filter(({ share }) => share > 0);
    const broken = counted.filter(({ loss }) => !Number.isFinite(loss));
    const blamed = broken.length > 0 ? broken : counted.toSorted((a, b) => b.loss * b.share - a.loss * a.share);
    return [...new Set(blamed.map(({ id }) => id))].slice(0, MOST_SUSPECTS);
  }

  #add(name: string, values: ArrayLike<number> = []): void {
    const known = this.#values.get(name) ?? [];
    for (let i = 0; i < values.length; i++) known.push(values[i] ?? 0);
    this.#values.set(name, known);
  }

  /** The mean over the samples that count, or those of them whose t is wanted; undefined if there are none. */
  #meanOf(name: string, isWanted: (t: number) => boolean = () => true): number | undefined {
    const { shares, times } = this.#drawn;
    let [sum, total] = [0, 0];
    for (const [i, value] of (this.#values.get(name) ?? []).entries()) {
      const share = shares[i] ?? 0;
      if (share === 0 || !isWanted(times[i] ?? Number.NaN)) continue;
      sum += share * value;
      total += share;
    }
    return total === 0 ? undefined : sum / total;
  }
}

/** The losses whose weight is above 0 after `samples` seen. @throws Unprocessable when there are none. */
export function termsAt(all: readonly LossTerm[], samples: number): readonly LossTerm[] {
  const terms = all.filter(term => term.weightAt(samples) > 0);
  if (terms.length > 0) return terms;
  throw new Unprocessable(`no loss has a weight above 0 after ${samples} samples`, {
    expected: 'at least one loss at every point of the run',
    hint: 'create a new experiment whose objective.losses leave no gap',
  });
}
