/** @file The table of planners: how the memory of a program on each engine is found. */
import { CARD_NAMES, CARDS, type Card } from '../../configs/cards.ts';
import { type EngineName, isOnCpu, type Precision } from '../../configs/engines.ts';
import { Unprocessable } from '../../errors.ts';
import { expandComposites } from '../compiler/expand-composites.ts';
import type { Graph } from '../compiler/graph.ts';
import { peakLiveBytes, residentBytes } from '../compiler/live-bytes.ts';
import type { PlannedProgram, Planner } from '../compiler/planner.ts';
import { CPU_TUNING, lowerForCpu, lowerForWebGpu, WEBGPU_TUNING } from '../engines/onnxruntime/lowering.ts';
import { arenaBytes, peakInArena, predictMemory } from '../engines/onnxruntime/memory.ts';
import { lowerForOpenVino } from '../engines/openvino/lowering.ts';
import { predictMemory as predictOpenVinoMemory } from '../engines/openvino/memory.ts';
import { findCudaTools, findPlugin, type XlaPlatform } from '../engines/xla/library.ts';
import { hasAttentionKernel } from '../engines/xla/lowering.ts';
import { firstCard, listCards, type NvidiaCard } from '../engines/xla/nvidia.ts';

export interface PlannerRequest {
  readonly precision: Precision;
  /** The card to plan for; absent: the engine's device in this machine. */
  readonly card?: Card;
  /** Predicts instead of compiling. */
  readonly quick?: boolean;
}

type OpenPlanner = (request: PlannerRequest) => Promise<Planner>;

/** An engine that keeps two buffers of each tensor that it writes, with a prediction of a program's memory. */
function predictedBy(plan: (graph: Graph) => PlannedProgram, options: Pick<Planner, 'tuning'> = {}): OpenPlanner {
  return ({ precision }) =>
    Promise.resolve({
      basis: 'predicted',
      precision,
      buffersPerState: 2,
      ...options,
      plan: async graph => plan(graph),
    });
}

/** An engine that frees all memory after a run. */
const predictedPeak = (lower: (graph: Graph) => Graph, options?: Pick<Planner, 'tuning'>): OpenPlanner =>
  predictedBy(graph => ({ peakBytes: peakLiveBytes(lower(graph)) }), options);

/** In the arena of shared-arena.ts. */
function planOnOnnxRuntime(graph: Graph): PlannedProgram {
  const memory = predictMemory(lowerForCpu(graph).graph);
  return { peakBytes: peakInArena(memory), sharedBytes: arenaBytes(memory), ownBytes: memory.tableBytes };
}

/** Each program keeps the memory of its values. */
function planOnOpenVino(graph: Graph): PlannedProgram {
  const { graph: lowered } = lowerForOpenVino(graph);
  const { valueBytes, kernelBytes } = predictOpenVinoMemory(lowered);
  const ownBytes = valueBytes + kernelBytes;
  return { peakBytes: residentBytes(lowered) + ownBytes, ownBytes };
}

/** An engine whose runs write over the state that they read. XLA joins operations, so it needs less than this. */
function predictedInPlace(platform: XlaPlatform, precision: Precision): Planner {
  const hasAttention = hasAttentionKernel(platform, precision);
  return {
    basis: 'predicted',
    precision,
    tuning: { fusesAttention: hasAttention },
    buffersPerState: 1,
    plan: async graph => ({ peakBytes: peakLiveBytes(hasAttention ? graph : expandComposites(graph)) }),
  };
}

const PLANNERS: Readonly<Record<EngineName, OpenPlanner>> = {
  'onnxruntime/cpu': predictedBy(planOnOnnxRuntime, { tuning: CPU_TUNING }),
  'onnxruntime/webgpu': predictedPeak(graph => lowerForWebGpu(graph).graph, { tuning: WEBGPU_TUNING }),
  'openvino/cpu': predictedBy(planOnOpenVino),
  'xla/cpu': async ({ precision }) => predictedInPlace('cpu', precision),
  'xla/cuda': async ({ precision, card, quick }) => {
    if (quick) return predictedInPlace('cuda', precision);
    const found = findPlugin('cuda');
    const cudaFolder = found.path && findCudaTools(found.path);
    if (found.path === undefined || cudaFolder === undefined) {
      throw new Unprocessable(
        `a program for xla/cuda cannot be compiled here: ${found.missing ?? 'ptxas is missing'}`,
        {
          expected: 'the plugin and the compiler of CUDA; neither needs a GPU',
          hint: 'run `easel engines install xla-cuda`',
        },
      );
    }
    const { createXlaPlanner } = await import('../engines/xla/planner.ts');
    return createXlaPlanner({ plugin: found.path, cudaFolder, card: card ?? (await findOwnCard()), precision });
  },
  tensorflow: predictedPeak(expandComposites),
  reference: predictedPeak(expandComposites),
};

/** @throws Unprocessable if this machine has no GPU, or one of a compute capability that no listed card has. */
async function findOwnCard(): Promise<Card> {
  const own = firstCard(await listCards(), process.env.CUDA_VISIBLE_DEVICES);
  const card = own && cardLike(own);
  if (card !== undefined) return card;
  const what = own && `the card ${own.name} has the compute capability ${own.capability}, which no listed card has`;
  throw new Unprocessable(what ?? 'this machine has no NVIDIA GPU', {
    expected: `a card to plan for: ${CARD_NAMES.join(', ')}`,
  });
}

/**
 * The listed card; for another one, the listed card of its capability with its own memory. The compiler's memory
 * depends on these two, hardly on the rest.
 */
export function cardLike({ name, capability, memoryBytes }: NvidiaCard): Card | undefined {
  const cards: readonly Card[] = Object.values(CARDS);
  const kin = cards.find(card => card.name === name) ?? cards.find(card => card.capability === capability);
  return kin && { ...kin, name, memoryMiB: Math.round(memoryBytes / 2 ** 20) };
}

/** @throws Unprocessable if the planner needs what this machine lacks. */
export async function openPlanner(engine: EngineName, request: PlannerRequest): Promise<Planner> {
  return { ...(await PLANNERS[engine](request)), isHost: isOnCpu(engine) };
}
