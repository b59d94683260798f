/** @file The table of losses, and the losses of one training. */
import { type LOSS_SHAPES, requireLoss } from '../../../configs/loss-options.ts';
import { type LossConfig, lossWeightAt } from '../../../configs/losses.ts';
import type { SignalName } from '../../../configs/signals.ts';
import { Unprocessable } from '../../../errors.ts';
import { features } from './features.ts';
import { flowMatching } from './flow-matching.ts';
import type { ColumnShape, Loss, LossInputs, LossRow } from './loss-term.ts';
import { lpips } from './lpips.ts';
import { repa } from './repa.ts';

/** Losses by their key under `objective.losses`. */
export const LOSSES: Readonly<Record<keyof typeof LOSS_SHAPES, LossRow>> = {
  features,
  flow_matching: flowMatching,
  lpips,
  repa,
};

const DEFAULT_LOSSES: Readonly<Record<string, LossConfig>> = {
  flow_matching: { weight: 1, from: 0, until: 1, ramp: 0 },
};

/** A loss of one training, with its weight. */
export interface LossTerm extends Loss {
  /** The key under `objective.losses`. */
  readonly name: string;
  /** The weight is 1 from the first sample to the last, so the graph does not multiply by it. */
  readonly isPlain: boolean;
  /** The weight in the update that begins at `samples` seen. At 0 the loss is not computed. */
  weightAt(samples: number): number;
}

/** Means of losses by {@link metricOf}. */
export type LossMetrics = { readonly [term: `loss/${string}`]: number };

/** Name of a loss in logs, progress and metrics: the mean over an update's samples, without the weight. */
export const metricOf = ({ name }: LossTerm): `loss/${string}` => `loss/${name}`;

/** Name of the graph input that a loss is multiplied by, a scalar. */
export const weightInputOf = ({ name }: LossTerm): string => `weight_${name}`;

/** Names of the graph inputs of a column that losses read: its numbers, and which samples have it. */
export const columnInputsOf = (name: SignalName) => ({ value: `column_${name}`, present: `has_${name}` });

/** The columns that losses read. Losses that read the same column agree on its shape. */
export function columnsOf(losses: readonly Loss[]): ReadonlyMap<SignalName, ColumnShape> {
  return new Map(losses.flatMap(({ needs }) => Object.entries(needs?.columns ?? {}) as [SignalName, ColumnShape][]));
}

/**
 * The losses whose weight is not 0 throughout, flow matching first, then by name.
 * @throws Unprocessable for an unknown loss, options that it does not take, or a block that the model does not have.
 */
export function openLosses(config: LossInputs, table: Readonly<Record<string, LossRow>> = LOSSES): readonly LossTerm[] {
  const { flow_matching: first, ...others } = { ...DEFAULT_LOSSES, ...config.objective.losses };
  const sorted = Object.entries(others).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const wanted = [...(first ? [['flow_matching', first] as const] : []), ...sorted];
  const terms = wanted
    .filter(([, { weight }]) => weight > 0)
    .map(([name, loss]) => openLoss(name, loss, config, table));
  if (terms.length > 0) return terms;
  throw new Unprocessable('objective.losses: all weights are 0', { expected: 'a loss with a weight above 0' });
}

function openLoss(
  name: string,
  config: LossConfig,
  inputs: LossInputs,
  table: Readonly<Record<string, LossRow>>,
): LossTerm {
  const path = `objective.losses.${name}`;
  const { weight, from, until, ramp } = config;
  const loss = requireLoss(table, name).open(config, inputs, path);
  for (const block of loss.needs?.taps ?? []) {
    if (Number.isInteger(block) && block >= 0 && block < inputs.model.depth) continue;
    throw new Unprocessable(`${path} reads the tokens after block ${block}, which the model does not have`, {
      expected: `a block from 0 to ${inputs.model.depth - 1}`,
    });
  }
  const schedule = { weight, from, until, ramp };
  return {
    ...loss,
    name,
    isPlain: weight === 1 && from === 0 && until === 1,
    weightAt: samples => lossWeightAt(samples, inputs.optimizer.total_samples, schedule),
  };
}
