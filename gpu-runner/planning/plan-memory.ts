/** @file Plans the memory of a training and of its pictures on one device, and how its updates are cut. */
import { describeCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import type { ProgressEvent } from '../../configs/progress.ts';
import { groupSizeOf, type KeyedConfig } from '../../configs/schema.ts';
import { countFlops } from '../compiler/flops.ts';
import type { Graph } from '../compiler/graph.ts';
import { peakLiveBytes } from '../compiler/live-bytes.ts';
import type { Planner } from '../compiler/planner.ts';
import { FROZEN_PREFIX } from '../model/params.ts';
import { GRAD_PREFIX } from '../training/grad-graph.ts';
import { chooseCut } from './choose-cut.ts';
import { bytesBeside, type Cut, type Frame, openPrograms, samplingPeak } from './programs.ts';

export interface PlanRequest {
  readonly config: KeyedConfig;
  readonly frame: Frame;
  /** Pictures that are previewed at a time. */
  readonly previews: number;
  readonly memoryBytes: number;
  readonly reserveBytes: number;
  /** Parts of the cut that are given. */
  readonly asked: Partial<Cut>;
  /** Largest micro-batch that is considered. */
  readonly largestMicroBatch: number;
}

/** Gradient graphs that are compiled or predicted at most. */
const MEASUREMENTS = { compiled: 3, predicted: 4 } as const;

export async function planMemory(
  request: PlanRequest,
  planner: Planner,
  compiler: string,
  onProgress: (event: ProgressEvent) => void = () => {},
): Promise<MemoryPlan> {
  const { config, frame, asked, previews } = request;
  const programs = openPrograms(config, frame, planner);
  const { state } = programs;
  const stateBytes = planner.buffersPerState * [...state.values()].reduce((sum, size) => sum + size, 0);
  const budget = request.memoryBytes - request.reserveBytes;
  let done = 0;
  const guesses = new Map<string, number>();
  /** The peak of the device while the program runs beside the state of the training. */
  async function peakOf(graph: Graph, message: string): Promise<number> {
    onProgress({ phase: planner.basis === 'compiled' ? 'compile' : 'predict', done, unit: 'programs', message });
    const { peakBytes } = await planner.plan(graph);
    done += 1;
    return peakBytes + bytesBeside(graph, state, planner.buffersPerState);
  }

  const update = programs.update();
  const updateBound = peakLiveBytes(update) + bytesBeside(update, state, planner.buffersPerState);
  let updatePeak: number | undefined;
  /** The optimizer is compiled only if it could need more than the gradient. */
  async function atLeastUpdate(gradientPeak: number): Promise<number> {
    if (planner.basis === 'compiled' && updateBound <= gradientPeak) return gradientPeak;
    updatePeak ??= await peakOf(update, 'the optimizer');
    return Math.max(gradientPeak, updatePeak);
  }
  const cuts = await chooseCut({
    budget,
    fixed: stateBytes,
    sizes: divisorsUpTo(request.largestMicroBatch, groupSizeOf(config.data)),
    asked,
    limit: MEASUREMENTS[planner.basis],
    guess(cut) {
      const key = `${cut.micro_batch} ${cut.gradient_checkpointing}`;
      const graph = guesses.has(key) ? undefined : programs.gradient(cut);
      if (graph) guesses.set(key, peakLiveBytes(graph) + bytesBeside(graph, state, planner.buffersPerState));
      return guesses.get(key) ?? 0;
    },
    async measure(cut) {
      const recomputes =
        cut.gradient_checkpointing === false ? '' : `, ${describeCheckpointing(cut.gradient_checkpointing)}`;
      const peak = await peakOf(programs.gradient(cut), `the gradient, micro-batch ${cut.micro_batch}${recomputes}`);
      return atLeastUpdate(peak);
    },
  });
  const one = programs.predict(1);
  const alone = await samplingPeak(planner, programs.sampling(1));
  const beside = previews === 1 ? alone : await samplingPeak(planner, programs.sampling(previews));
  const { chosen } = cuts;
  const meanFlops = (cut: Cut) =>
    programs.phases.reduce((sum, phase) => sum + phase.share * countFlops(programs.traceGradient(cut, phase)), 0);
  return {
    v: 1,
    kind: 'memory-plan',
    basis: planner.basis,
    compiler,
    parameters: programs.parameters,
    ...(programs.trained < programs.parameters && { trained_parameters: programs.trained }),
    device: { memory_bytes: request.memoryBytes, reserve_bytes: request.reserveBytes },
    plan: { micro_batch: chosen.micro_batch, gradient_checkpointing: chosen.gradient_checkpointing },
    fits: cuts.fits && Math.max(stateBytes + beside, alone) <= budget,
    peak: {
      training_bytes: chosen.bytes,
      state_bytes: stateBytes,
      checkpoint_bytes: checkpointBytes(state),
      preview_bytes: stateBytes + beside,
      sampling_bytes: alone,
    },
    flops: {
      forward: countFlops(one),
      sample: meanFlops({ micro_batch: 1, gradient_checkpointing: false }),
      executed: meanFlops({ ...chosen, micro_batch: 1 }),
      update: countFlops(update),
    },
    tried: cuts.tried.map(({ bytes, ...cut }) => ({ ...cut, training_bytes: bytes, fits: bytes <= budget })),
  };
}

/** Gradients and frozen nets are not stored. */
function checkpointBytes(state: ReadonlyMap<string, number>): number {
  const stored = [...state].filter(([name]) => !name.startsWith(GRAD_PREFIX) && !name.startsWith(FROZEN_PREFIX));
  return stored.reduce((sum, [, size]) => sum + size, 0);
}

function divisorsUpTo(most: number, n: number): number[] {
  return Array.from({ length: Math.min(most, n) }, (_, i) => i + 1).filter(divisor => n % divisor === 0);
}
