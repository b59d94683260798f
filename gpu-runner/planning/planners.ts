/** @file The table of planners: how the memory of a program on each engine is found. */
import type { Card } from '../../configs/cards.ts';
import type { EngineName, Precision } from '../../configs/engines.ts';
import { expandComposites } from '../compiler/expand-composites.ts';
import type { Graph } from '../compiler/graph.ts';
import { peakLiveBytes } from '../compiler/live-bytes.ts';
import type { Planner } from '../compiler/planner.ts';
import { CPU_TUNING, lowerForCpu, lowerForWebGpu, WEBGPU_TUNING } from '../engines/onnxruntime/lowering.ts';
import { predictPeakBytes } from '../engines/onnxruntime/memory.ts';
import { lowerForOpenVino } from '../engines/openvino/lowering.ts';

export interface PlannerRequest {
  readonly precision: Precision;
  /** The card to plan for; absent: the engine's device in this machine. */
  readonly card?: Card;
}

type OpenPlanner = (request: PlannerRequest) => Promise<Planner>;

/** An engine that keeps two buffers of each tensor that it writes, with a prediction of a program's peak. */
function predictedBy(peakOf: (graph: Graph) => number, options: Pick<Planner, 'tuning'> = {}): OpenPlanner {
  return ({ precision }) =>
    Promise.resolve({
      basis: 'predicted',
      precision,
      buffersPerState: 2,
      ...options,
      plan: async graph => ({ peakBytes: peakOf(graph) }),
    });
}

const PLANNERS: Readonly<Record<EngineName, OpenPlanner>> = {
  'onnxruntime/cpu': predictedBy(graph => predictPeakBytes(lowerForCpu(graph).graph), { tuning: CPU_TUNING }),
  'onnxruntime/webgpu': predictedBy(graph => peakLiveBytes(lowerForWebGpu(graph).graph), { tuning: WEBGPU_TUNING }),
  'openvino/cpu': predictedBy(graph => peakLiveBytes(lowerForOpenVino(graph).graph)),
  tensorflow: predictedBy(graph => peakLiveBytes(expandComposites(graph))),
  reference: predictedBy(graph => peakLiveBytes(expandComposites(graph))),
};

/** @throws Unprocessable if the planner needs what this machine lacks. */
export function openPlanner(engine: EngineName, request: PlannerRequest): Promise<Planner> {
  return PLANNERS[engine](request);
}
