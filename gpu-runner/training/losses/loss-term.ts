/** @file A loss: a number for each sample, computed from the prediction and what else the loss needs. */
import type { z } from 'zod';
import { parseLossOptions } from '../../../configs/loss-options.ts';
import type { KeyedConfig } from '../../../configs/schema.ts';
import type { Frame, SignalName } from '../../../configs/signals.ts';
import type { Shape } from '../../compiler/tensor.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../../model/params.ts';
import type { ConditionInputs } from '../../model/signals/signal.ts';
import type { AveragedPass } from './averaged-pass.ts';

/** What a loss is computed from. */
export interface LossParts {
  /** The network's prediction, the clean pixels, the noise and the noisy pixels, [batch, 3, height, width] each. */
  readonly prediction: Value;
  readonly x0: Value;
  readonly noise: Value;
  readonly z: Value;
  /** [batch]; 0 = data, 1 = noise. */
  readonly t: Value;
  /** Weight of each pixel in the loss of the pixels, [batch, 1, height, width]; absent: 1. */
  readonly mask?: Value;
  /** The signals, and which of them each sample keeps. */
  readonly conditions: ConditionInputs;
  /** The image tokens after a block that {@link LossNeeds.taps} names, [batch, rows * columns, hidden]. */
  tap(block: number): Value;
  /** The image tokens that went through that block, i32 indices [batch, kept]; undefined: all (configs/tread.ts). */
  routeOf(block: number): Value | undefined;
  /** The image tokens that {@link LossNeeds.averaged} names, [batch, rows * columns, hidden], without a gradient. */
  averaged(): Value;
  /**
   * The parameters of a net that {@link LossNeeds.frozen} names. Gradients pass through the net and do not change it.
   */
  frozen(net: string): (name: string, shape: Shape) => Value;
  /** A column that {@link LossNeeds.columns} names, as the dataset has it: condition dropout does not touch it. */
  column(name: SignalName): LossColumn;
}

/** A column of the dataset for the samples of a micro-batch. */
export interface LossColumn {
  /** [batch, ...shape]; zeros where a sample has none. */
  readonly value: Value;
  /** [batch]: 1 where the sample has the column, 0 where not. */
  readonly present: Value;
}

/** The shape of one sample of a column. */
export type ColumnShape = (frame: Frame) => Shape;

/** What a loss needs beside the prediction, the pixels and the signals. */
export interface LossNeeds {
  /** Blocks after which the loss reads the image tokens; 0 is the first block. */
  readonly taps?: readonly number[];
  /** Tokens of a forward pass with an average of the weights. */
  readonly averaged?: AveragedPass;
  /** Frozen nets whose parameters the loss reads; the job that trains brings their weights. */
  readonly frozen?: readonly string[];
  /** Columns of the dataset that the loss reads, whether the model is conditioned on them or not. */
  readonly columns?: Readonly<Partial<Record<SignalName, ColumnShape>>>;
}

/** A loss with its options. */
export interface Loss {
  readonly needs?: LossNeeds;
  /**
   * The loss of each sample, [batch]. The network trains the parameters that the loss declares; their names begin with
   * the loss's name.
   */
  apply(params: Params, parts: LossParts): Value;
}

export type LossInputs = Pick<KeyedConfig, 'model' | 'objective' | 'optimizer'>;

/** A row of the table of losses. */
export interface LossRow {
  /**
   * @param loss As the config has it. @param path Where in the config it is.
   * @throws Unprocessable when the loss does not take its keys.
   */
  open(loss: Readonly<Record<string, unknown>>, inputs: LossInputs, path: string): Loss;
}

/**
 * A row from the loss's own keys in the config, and the loss that they make. `path` says where in the config they are.
 */
export function defineLoss<S extends z.ZodRawShape>(
  shape: S,
  create: (options: z.output<z.ZodObject<S, z.core.$strict>>, inputs: LossInputs, path: string) => Loss,
): LossRow {
  return {
    open: (loss, inputs, path) => create(parseLossOptions(shape, loss, path), inputs, path),
  };
}
