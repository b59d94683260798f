/** @file Plans the memory of a training and of its pictures on one device, and how its updates are cut. */
import { describeCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import type { ProgressEvent } from '../../configs/progress.ts';
import { groupSizeOf, type KeyedConfig } from '../../configs/schema.ts';
import { countFlops } from '../compiler/flops.ts';
import type { Graph } from '../compiler/graph.ts';
import { peakLiveBytes } from '../compiler/live-bytes.ts';
import { countMovedBytes } from '../compiler/moved-bytes.ts';
import type { Planner } from '../compiler/planner.ts';
import { FROZEN_PREFIX, PARAM_PREFIX } from '../model/params.ts';
import { GRAD_PREFIX } from '../training/grad-graph.ts';
import { CHECKPOINT_PART_BYTES } from '../training/load-state.ts';
import { OPTIMIZER_PREFIX } from '../training/update-graph.ts';
import { chooseCut } from './choose-cut.ts';
import { keptTogether, type PlacedProgram, peakDuring, peakTogether } from './peak-together.ts';
import { bytesBeside, type Cut, type Frame, openPrograms, planSampling } from './programs.ts';

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
  const keyOf = (cut: Cut) => `${cut.micro_batch} ${cut.gradient_checkpointing}`;
  /** The program beside the state of the training. */
  async function place(graph: Graph, message: string): Promise<PlacedProgram> {
    onProgress({ phase: planner.basis === 'compiled' ? 'compile' : 'predict', done, unit: 'programs', message });
    const planned = await planner.plan(graph);
    done += 1;
    return { ...planned, besideBytes: bytesBeside(graph, state, planner.buffersPerState) };
  }

  const update = programs.update();
  const updateBound = peakLiveBytes(update) + bytesBeside(update, state, planner.buffersPerState);
  let placedUpdate: PlacedProgram | undefined;
  const placed = new Map<string, readonly PlacedProgram[]>();
  async function placeAll(cut: Cut): Promise<readonly PlacedProgram[]> {
    const recomputes =
      cut.gradient_checkpointing === false ? '' : `, ${describeCheckpointing(cut.gradient_checkpointing)}`;
    const graph = programs.gradient(cut);
    const gradient = await place(graph, `the gradient, micro-batch ${cut.micro_batch}${recomputes}`);
    // The optimizer is compiled only if it could need more than the gradient.
    if (planner.basis === 'compiled' && updateBound <= peakTogether([gradient])) return [gradient];
    placedUpdate ??= await place(update, 'the optimizer');
    // Micro-batches after the first one have a program of their own, which adds to the gradient.
    const later = cut.micro_batch < config.data.batch_size ? [gradient] : [];
    return [gradient, ...later, placedUpdate];
  }
  const saving = planner.isHost ? savingBytes(state) : 0;
  const cuts = await chooseCut({
    budget,
    fixed: stateBytes,
    sizes: divisorsUpTo(request.largestMicroBatch, groupSizeOf(config.data)),
    asked,
    limit: MEASUREMENTS[planner.basis],
    guess(cut) {
      const key = keyOf(cut);
      const graph = guesses.has(key) ? undefined : programs.gradient(cut);
      if (graph) guesses.set(key, peakLiveBytes(graph) + bytesBeside(graph, state, planner.buffersPerState));
      return guesses.get(key) ?? 0;
    },
    async measure(cut) {
      const all = await placeAll(cut);
      placed.set(keyOf(cut), all);
      return Math.max(peakTogether(all), stateBytes + keptTogether(all) + saving);
    },
  });
  const one = programs.predict(1);
  const sampler = await planSampling(planner, programs.sampling(1));
  const previewer = previews === 1 ? sampler : await planSampling(planner, programs.sampling(previews));
  const alone = peakTogether([sampler]);
  const { chosen } = cuts;
  const beside = stateBytes + peakDuring(previewer, placed.get(keyOf(chosen)) ?? []);
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
    fits: cuts.fits && Math.max(beside, alone) <= budget,
    peak: {
      training_bytes: chosen.bytes,
      state_bytes: stateBytes,
      checkpoint_bytes: sumOf(storedState(state)),
      preview_bytes: beside,
      sampling_bytes: alone,
    },
    flops: {
      forward: countFlops(one),
      sample: meanFlops({ micro_batch: 1, gradient_checkpointing: false }),
      executed: meanFlops({ ...chosen, micro_batch: 1 }),
      update: countFlops(update),
    },
    moved: {
      micro_batch: programs
        .gradients(chosen)
        .reduce((sum, { share, graph }) => sum + share * countMovedBytes(graph), 0),
      update: countMovedBytes(update),
    },
    tried: cuts.tried.map(({ bytes, ...cut }) => ({ ...cut, training_bytes: bytes, fits: bytes <= budget })),
  };
}

/** Gradients and frozen nets are not stored. */
function storedState(state: ReadonlyMap<string, number>): readonly (readonly [name: string, bytes: number])[] {
  return [...state].filter(([name]) => !name.startsWith(GRAD_PREFIX) && !name.startsWith(FROZEN_PREFIX));
}

const sumOf = (entries: readonly (readonly [name: string, bytes: number])[]) =>
  entries.reduce((sum, [, bytes]) => sum + bytes, 0);

/** A checkpoint is written with a copy of one group of tensors, one part of it as bytes, and a copy of these. */
function savingBytes(state: ReadonlyMap<string, number>): number {
  const groupOf = (name: string) =>
    [PARAM_PREFIX, OPTIMIZER_PREFIX].find(prefix => name.startsWith(prefix)) ?? 'averages';
  const groups = [...Map.groupBy(storedState(state), ([name]) => groupOf(name)).values()].map(sumOf);
  return Math.max(...groups.map(bytes => bytes + 2 * Math.min(bytes, CHECKPOINT_PART_BYTES)));
}

function divisorsUpTo(most: number, n: number): number[] {
  return Array.from({ length: Math.min(most, n) }, (_, i) => i + 1).filter(divisor => n % divisor === 0);
}
