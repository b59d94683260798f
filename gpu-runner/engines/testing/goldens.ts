/**
 * @file Reads goldens that tools/make-torch-goldens.py made with PyTorch, and lists the engines to compare with them.
 */
import { readFileSync } from 'node:fs';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import type { Engine, Tensors } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { emptyTensor, type Tensor } from '../../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../onnxruntime/engine.ts';
import { createReferenceEngine } from '../reference/engine.ts';

/** Largest difference from PyTorch in f32, relative to the largest element. */
export const GOLDEN_TOLERANCE = 1e-5;

/** Tensors of `<name>.safetensors` under `<prefix>/`, by their names after the prefix. */
export function readGoldens(name: string, prefix: string): Record<string, Tensor> {
  const bytes = readFileSync(new URL(`../../compiler/testdata/${name}.safetensors`, import.meta.url));
  const goldens: Record<string, Tensor> = {};
  for (const [key, { dtype, shape, data }] of Object.entries(decodeSafetensors(bytes).tensors)) {
    if (!key.startsWith(`${prefix}/`) || (dtype !== 'f32' && dtype !== 'i32')) continue;
    const tensor = emptyTensor({ shape, dtype });
    tensor.data.set(data);
    goldens[key.slice(prefix.length + 1)] = tensor;
  }
  return goldens;
}

/** @throws Error if the tensor does not exist. */
export function golden(goldens: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = goldens[name];
  if (tensor === undefined) throw new Error(`there is no golden "${name}"`);
  return tensor;
}

/** PyTorch stores the weights of a linear map as [outputs, inputs]; Easel stores [inputs, outputs]. */
export function turn({ shape, dtype, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const turned = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? Number.NaN);
  return { shape: [columns, rows], dtype, data: turned };
}

/** Engines that are compared with goldens. */
export const GOLDEN_ENGINES: readonly (readonly [string, () => Engine])[] = [
  ['reference', createReferenceEngine],
  ['onnxruntime/cpu', () => createOnnxRuntimeEngine({ threads: 1 })],
];

/** Runs a graph once. Returns its outputs and the state after it. */
export async function runGraph(open: () => Engine, graph: Graph, feeds: Tensors, tensors: Tensors = {}) {
  const engine = open();
  const state = engine.createState(tensors);
  const executable = await engine.compile(graph);
  try {
    const outputs = await executable.run(state, feeds);
    return { outputs, state: await state.read() };
  } finally {
    await executable.dispose();
    state.dispose();
    await engine.dispose();
  }
}

/** Largest difference, relative to the largest element of `expected`; Infinity if the shapes differ. */
export function differenceFrom(actual: Tensor | undefined, expected: Tensor): number {
  if (actual === undefined || actual.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  let [error, scale] = [0, 1e-30];
  for (const [i, x] of expected.data.entries()) {
    const difference = Math.abs((actual.data[i] ?? Number.NaN) - x);
    error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(error, difference);
    scale = Math.max(scale, Math.abs(x));
  }
  return error / scale;
}
