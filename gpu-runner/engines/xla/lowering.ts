/** @file How graphs become StableHLO for XLA. The engine and memory plans share it, and it loads no library. */
import type { Precision } from '../../../configs/engines.ts';
import type { Graph } from '../../compiler/graph.ts';
import { lowerToStableHlo, type StableHloProgram } from '../../compiler/targets/stablehlo/lower.ts';
import type { XlaPlatform } from './library.ts';

/** Only CUDA has kernels of attention, those of cuDNN, and only in short formats. */
export function hasAttentionKernel(platform: XlaPlatform, precision: Precision): boolean {
  return platform === 'cuda' && precision !== 'f32';
}

export function lowerForXla(graph: Graph, fusesAttention: boolean): StableHloProgram {
  return lowerToStableHlo(graph, { attention: fusesAttention ? 'cudnn' : 'primitive' });
}
