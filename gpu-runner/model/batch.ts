/** @file The shape of a batch and the graph inputs of its conditions: the same for training and sampling. */
import type { ModelConfig } from '../../configs/schema.ts';
import type { Shape } from '../compiler/tensor.ts';
import type { Builder } from '../compiler/trace.ts';
import type { ConditionInputs } from './signals.ts';

/** Sizes that a compiled graph is fixed to. */
export interface BatchShape {
  readonly batch: number;
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  /** Text tokens fed; at most model.conditions.text.tokens. */
  readonly textTokens: number;
}

/** Declares the inputs of the signals that the model is conditioned on; the names are what host code feeds. */
export function declareConditions(
  builder: Builder,
  model: ModelConfig,
  { batch, height, width, textTokens }: BatchShape,
): ConditionInputs {
  const { text, cls, patches, pose } = model.conditions ?? {};
  const input = (name: string, shape: Shape) => builder.input(name, { shape, dtype: 'f32' });
  const keep = (name: string) => input(`keep_${name}`, [batch]);
  return {
    ...(text && {
      text: {
        tokens: input('text', [batch, textTokens, text.dim]),
        mask: input('text_mask', [batch, textTokens]),
        keep: keep('text'),
      },
    }),
    ...(cls && { cls: { embedding: input('cls', [batch, cls.dim]), keep: keep('cls') } }),
    ...(patches && {
      patches: {
        grid: input('patches', [batch, height / patches.stride, width / patches.stride, patches.dim]),
        keep: keep('patches'),
      },
    }),
    ...(pose && { pose: { joints: input('pose', [batch, pose.joints, 3]), keep: keep('pose') } }),
  };
}
