/** @file The programs of a training and their graphs, as the trainer and the sampler trace them. */

import { averagesOf } from '../../configs/averages.ts';
import type { GradientCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { KeyedConfig, ModelConfig } from '../../configs/schema.ts';
import type { Graph } from '../compiler/graph.ts';
import { bytesOf, peakLiveBytes } from '../compiler/live-bytes.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import type { Planner } from '../compiler/planner.ts';
import { sizeOf } from '../compiler/tensor.ts';
import type { BatchShape, RouteShape } from '../model/batch.ts';
import { routeShapeOf } from '../model/draw-route.ts';
import { emaPrefix, frozenName, PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import { tracePredictGraph, traceSamplerGraphs } from '../sampling/predict-graph.ts';
import { GRAD_PREFIX, traceGradGraph } from '../training/grad-graph.ts';
import { INITIAL_LOSS_SCALE, needsLossScale } from '../training/loss-scale.ts';
import { optimizerState, optimizeUpdate, traceUpdateGraph } from '../training/update-graph.ts';
import { type PlacedProgram, peakTogether } from './peak-together.ts';

/** Sizes of the pictures and texts of a training. */
export type Frame = Omit<BatchShape, 'batch' | 'route'>;

/** How an update is cut: see `trainingPlanSchema` (storage/records.ts). */
export interface Cut {
  readonly micro_batch: number;
  readonly gradient_checkpointing: GradientCheckpointing;
}

/** A part of a training with or without a route of its tokens (configs/tread.ts). */
export interface Phase {
  /** Its share of the samples. */
  readonly share: number;
  readonly route?: RouteShape | undefined;
}

export interface TrainingPrograms {
  readonly parameters: number;
  /** Parameters that the training changes. */
  readonly trained: number;
  /** Bytes of each tensor that stays on the device between runs, by name. */
  readonly state: ReadonlyMap<string, number>;
  /** Forward and backward pass of the first micro-batch of an update, unoptimized. */
  traceGradient(cut: Cut, phase?: Phase): Graph;
  /** The parts of the training whose gradient programs differ. */
  readonly phases: readonly Phase[];
  /** The gradient of each phase, optimized for the planner's engine. */
  gradients(cut: Cut): readonly { readonly share: number; readonly graph: Graph }[];
  /** Of them, the one that takes the most memory. */
  gradient(cut: Cut): Graph;
  update(): Graph;
  /** One prediction for a batch of pictures, whole. */
  predict(batch: number): Graph;
  sampling(batch: number): SamplingProgram;
}

export function openPrograms(
  config: KeyedConfig,
  frame: Frame,
  { precision, tuning }: Pick<Planner, 'precision' | 'tuning'>,
): TrainingPrograms {
  const engine = { precision, ...(tuning && { tuning }) };
  const scalesLoss = needsLossScale(precision);
  const phases = phasesOf(config, frame);
  const trace = ({ micro_batch, gradient_checkpointing }: Cut, { route }: Partial<Phase> = {}) =>
    traceGradGraph(
      config,
      { ...frame, batch: micro_batch, ...(route && { route }) },
      {
        accumulate: false,
        remat: gradient_checkpointing,
        scalesLoss,
        fusesAttention: tuning?.fusesAttention ?? false,
      },
    );
  const { params, fixed, frozen } = trace({ micro_batch: 1, gradient_checkpointing: false });
  const entriesOf = (specs: readonly ParamSpec[], prefix: string) =>
    specs.map(({ name, shape }) => [`${prefix}${name}`, bytesOf({ shape, dtype: 'f32' })] as const);
  const entries = (prefix: string) => entriesOf(params, prefix);
  const countOf = (specs: readonly ParamSpec[]) => specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const state = new Map([
    ...[PARAM_PREFIX, GRAD_PREFIX, ...averagesOf(config.optimizer).map((_, index) => emaPrefix(index))].flatMap(
      entries,
    ),
    ...entriesOf(fixed, PARAM_PREFIX),
    ...[...optimizerState(params, config.optimizer)].map(
      ([name, shape]) => [name, bytesOf({ shape, dtype: 'f32' })] as const,
    ),
    ...(scalesLoss ? Object.entries(INITIAL_LOSS_SCALE) : []).map(([name, tensor]) => [name, bytesOf(tensor)] as const),
    ...frozen.map(spec => [frozenName(spec), bytesOf({ shape: spec.shape, dtype: 'f32' })] as const),
  ]);
  const gradients = (cut: Cut) =>
    phases.map(phase => ({ share: phase.share, graph: optimize(trace(cut, phase).graph, engine) }));
  return {
    parameters: countOf([...params, ...fixed]),
    trained: countOf(params),
    state,
    traceGradient: (cut, phase) => trace(cut, phase).graph,
    phases,
    gradients,
    gradient(cut) {
      const graphs = gradients(cut).map(({ graph }) => graph);
      return graphs.reduce((largest, graph) => (peakLiveBytes(graph) > peakLiveBytes(largest) ? graph : largest));
    },
    update: () => optimizeUpdate(traceUpdateGraph(params, config.optimizer, { scalesLoss }), engine),
    predict: batch => optimize(tracePredictGraph(config.model, { ...frame, batch }, tuning), engine),
    sampling: batch => samplingProgram(config.model, { ...frame, batch }, engine),
  };
}

function phasesOf({ model, objective: { tread } }: KeyedConfig, frame: Frame): readonly Phase[] {
  if (tread === undefined) return [{ share: 1 }];
  const routed = { share: tread.until, route: routeShapeOf(model, tread, frame) };
  return tread.until < 1 ? [routed, { share: 1 - tread.until }] : [routed];
}

/** What the sampler runs in each step, and the bytes beside it. */
export interface SamplingProgram {
  readonly graph: Graph;
  /** Keys and values of the other conditions that guidance runs the network with. */
  readonly keptBytes: number;
}

/** Sets of conditions beside the one of a run: most guidance methods have one more. */
const OTHER_CONDITIONS = 1;

/** A step of the sampler for a batch of pictures. */
export function samplingProgram(
  model: ModelConfig,
  shape: BatchShape,
  { precision, tuning }: Pick<Planner, 'precision' | 'tuning'>,
): SamplingProgram {
  const { step, context } = traceSamplerGraphs(model, shape, tuning);
  return {
    graph: optimize(step, { precision, ...(tuning && { tuning }) }),
    keptBytes: OTHER_CONDITIONS * (context?.bytes ?? 0),
  };
}

/** The sampler's program on a device; beside it are the keys and values that it keeps. */
export async function planSampling(planner: Planner, { graph, keptBytes }: SamplingProgram): Promise<PlacedProgram> {
  return { ...(await planner.plan(graph)), besideBytes: keptBytes };
}

/** The peak of the device while the sampler runs alone. */
export async function samplingPeak(planner: Planner, program: SamplingProgram): Promise<number> {
  return peakTogether([await planSampling(planner, program)]);
}

/**
 * Bytes of the state that a program's own peak leaves out. Its peak has the tensors that it reads, and a second buffer
 * for those that it writes unless the engine writes in place.
 */
export function bytesBeside(
  { writes, nodes }: Graph,
  state: ReadonlyMap<string, number>,
  buffers: Planner['buffersPerState'],
): number {
  const read = new Set(nodes.flatMap(node => (node.op === 'state' ? [node.attrs.name] : [])));
  let bytes = 0;
  for (const [name, size] of state) {
    const counted = buffers === 2 && name in writes ? 2 : Number(read.has(name));
    bytes += size * (buffers - counted);
  }
  return bytes;
}
