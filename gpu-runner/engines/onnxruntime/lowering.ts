/** @file How graphs become ONNX for ONNX Runtime. Engines and memory plans share it, and it loads no library. */
import type { Tuning } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { lowerToOnnx, type OnnxProgram } from '../../compiler/targets/onnx/lower.ts';

export const CPU_TUNING: Tuning = { mergesProducts: true };

export function lowerForCpu(graph: Graph): OnnxProgram {
  return lowerToOnnx(graph, { fusedMatMul: true, rotaryEmbedding: true, lastFirst: true });
}

export const WEBGPU_TUNING: Tuning = { addsInF16: true };

/** WebGPU has no kernel for FusedMatMul, but one for Transpose. */
export function lowerForWebGpu(graph: Graph): OnnxProgram {
  return lowerToOnnx(graph, { fusedMatMul: false, preciseSinusoids: true });
}
