/** @file How graphs become ONNX for OpenVINO. The engine and memory plans share it, and it loads no library. */
import type { Graph } from '../../compiler/graph.ts';
import { lowerToOnnx, type OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import { transposeConstants } from './transpose-constants.ts';

export function lowerForOpenVino(graph: Graph): OnnxProgram {
  return lowerToOnnx(transposeConstants(graph), { fusedMatMul: false, gemm: false });
}
