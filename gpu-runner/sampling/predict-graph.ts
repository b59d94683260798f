import type { ModelConfig } from '../../configs/schema.ts';
import type { Tuning } from '../compiler/engine.ts';
import { type Graph, graphReads } from '../compiler/graph.ts';
import { bytesOf } from '../compiler/live-bytes.ts';
import { splitGraph } from '../compiler/split-graph.ts';
import { trace } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { type BatchShape, declareConditions, declareRoute, ROUTE_INPUT } from '../model/batch.ts';
import { applyNanoDit } from '../model/nanodit.ts';
import { Params } from '../model/params.ts';

/**
 * Traces the model without a loss. Inputs: z [batch, 3, height, width], t [batch], the conditions, and the route of the
 * shape if it has one. Output: `prediction`, in the shape of z.
 */
export function tracePredictGraph(
  model: ModelConfig,
  shape: BatchShape,
  { fusesAttention = false }: Pick<Tuning, 'fusesAttention'> = {},
): Graph {
  const graph = trace(builder => {
    const z = builder.input('z', { shape: [shape.batch, model.in_channels, shape.height, shape.width], dtype: 'f32' });
    const t = builder.input('t', { shape: [shape.batch], dtype: 'f32' });
    const conditions = declareConditions(builder, model, shape);
    const route = declareRoute(builder, shape);
    const inputs = { z, t, conditions, fusesAttention, ...(route && { route }) };
    const { prediction } = applyNanoDit(new Params(builder, model), model, inputs);
    return { outputs: { prediction } };
  });
  return verify(graph);
}

/** Start of the names of state that the conditions decide. */
const CONTEXT_PREFIX = 'context.';
/** Inputs that change from step to step of a sample. */
export const STEP_INPUTS: ReadonlySet<string> = new Set(['z', 't', ROUTE_INPUT]);

/**
 * Most bytes that a sample keeps for all its steps, with one set of conditions. Keys and values of all blocks save 1 to
 * 25 % of the operations of a step (docs/performance.md), and guidance keeps two sets or more: with this bound two sets
 * fit beside a training on a card of 24 GB.
 */
const MOST_KEPT_BYTES = 2 ** 30;

/** The programs of a sampler. */
export interface SamplerGraphs {
  /** Runs in every step: see {@link tracePredictGraph}. */
  readonly step: Graph;
  /** Runs once, and writes the state that `step` reads. Absent: `step` computes everything. */
  readonly context?: KeptContext;
}

export interface KeptContext {
  readonly graph: Graph;
  /** Names of the state. */
  readonly names: readonly string[];
  readonly bytes: number;
}

/**
 * Traces the model as the sampler runs it. What the conditions alone decide, such as the keys and values of the
 * context, is computed once for all steps, unless that takes too much memory.
 */
export function traceSamplerGraphs(
  model: ModelConfig,
  shape: BatchShape,
  tuning?: Pick<Tuning, 'fusesAttention'>,
  mostBytes = MOST_KEPT_BYTES,
): SamplerGraphs {
  const whole = tracePredictGraph(model, shape, tuning);
  const split = splitGraph(whole, STEP_INPUTS, CONTEXT_PREFIX);
  if (split === undefined) return { step: whole };
  const kept = graphReads(split.rest);
  const bytes = split.names.reduce((sum, name) => sum + bytesOf(kept.get(name) ?? { shape: [0], dtype: 'f32' }), 0);
  if (bytes > mostBytes) return { step: whole };
  return { step: verify(split.rest), context: { graph: verify(split.first), names: split.names, bytes } };
}
