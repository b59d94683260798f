/** @file The `grad` graph: forward and backward over one micro-batch; gradients go into accumulators. */

import type { KeyedConfig, ModelConfig } from '../../configs/schema.ts';
import { add, mul, sumAll } from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Shape } from '../compiler/tensor.ts';
import { type Builder, trace, type Value } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { PARAM_PREFIX, type ParamSpec, Params } from '../model/params.ts';
import type { ConditionInputs } from '../model/signals.ts';
import { flowMatchingLoss, noisePixels } from './objective.ts';

export const GRAD_PREFIX = 'grad.';

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

export interface GradGraph {
  readonly graph: Graph;
  readonly params: readonly ParamSpec[];
}

export interface GradGraphOptions {
  /** Add to the accumulators; false: this is the update's first micro-batch and overwrites them. */
  readonly accumulate: boolean;
  /** Micro-batches per update; the accumulated gradient is that of the update's mean loss. */
  readonly microBatches: number;
  /** Gradient checkpointing: the inside of blocks is computed again in the backward pass. The same bits in less memory and more time. */
  readonly remat?: boolean;
}

/**
 * Inputs: pixels x0 in [-1, 1] and noise [batch, 3, height, width], t [batch], and the conditions. Output: loss [batch].
 * Writes `grad.<parameter>`.
 */
export function traceGradGraph(
  config: Pick<KeyedConfig, 'model' | 'objective'>,
  shape: BatchShape,
  options: GradGraphOptions,
): GradGraph {
  let specs: readonly ParamSpec[] = [];
  const graph = trace(builder => {
    const pixels: Shape = [shape.batch, config.model.in_channels, shape.height, shape.width];
    const x0 = builder.input('x0', { shape: pixels, dtype: 'f32' });
    const noise = builder.input('noise', { shape: pixels, dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, config.model, shape);
    const params = new Params(builder);
    const z = builder.scope('noise', () => noisePixels(x0, noise, t, config.objective));
    const prediction = applyNanoDit(params, config.model, { z, t, conditions, remat: options.remat ?? false });
    const loss = builder.scope('loss', () => flowMatchingLoss(prediction, x0, noise, t, config.objective));
    specs = params.specs;

    const total = mul(sumAll(loss), 1 / (shape.batch * options.microBatches));
    const weights = specs.map(spec =>
      builder.state(`${PARAM_PREFIX}${spec.name}`, { shape: spec.shape, dtype: 'f32' }),
    );
    const writes: Record<string, Value> = {};
    for (const [index, gradient] of grad(total, weights).entries()) {
      const spec = specs[index];
      if (spec === undefined) continue;
      const name = `${GRAD_PREFIX}${spec.name}`;
      writes[name] = options.accumulate
        ? add(builder.state(name, { shape: spec.shape, dtype: 'f32' }), gradient)
        : gradient;
    }
    return { outputs: { loss }, writes };
  });
  return { graph: verify(graph), params: specs };
}
