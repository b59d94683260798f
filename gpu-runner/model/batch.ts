/** @file The shape of a batch and the graph inputs of its conditions. Training and sampling share them. */
import type { ModelConfig } from '../../configs/schema.ts';
import { isPadded, SIGNAL_NAMES, shapeOfSignal } from '../../configs/signals.ts';
import type { Shape } from '../compiler/tensor.ts';
import type { Builder } from '../compiler/trace.ts';
import type { ConditionInputs } from './signals/signal.ts';

/** Pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** Sizes of a compiled graph. Another size needs another graph. */
export interface BatchShape extends PictureSize {
  readonly batch: number;
  /** Text tokens fed; at most model.conditions.text.tokens. */
  readonly textTokens: number;
}

/** Declares the inputs of the signals that the model is conditioned on, under the names that the host feeds. */
export function declareConditions(builder: Builder, model: ModelConfig, shape: BatchShape): ConditionInputs {
  const { batch, height, width, textTokens: tokens } = shape;
  const input = (name: string, axes: Shape) => builder.input(name, { shape: [batch, ...axes], dtype: 'f32' });
  const declared = SIGNAL_NAMES.flatMap(name => {
    const axes = shapeOfSignal(model.conditions, name, { height, width, tokens });
    if (axes === undefined) return [];
    const value = input(name, axes);
    const mask = isPadded(name) ? input(`${name}_mask`, axes.slice(0, 1)) : undefined;
    return [[name, { value, ...(mask && { mask }), keep: input(`keep_${name}`, []) }] as const];
  });
  return Object.fromEntries(declared);
}
