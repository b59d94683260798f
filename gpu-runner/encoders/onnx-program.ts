/** @file One ONNX file compiled for an engine, at fixed sizes. */
import { InvalidInput, Unprocessable } from '../../errors.ts';
import type { Engine, Executable, State } from '../compiler/engine.ts';
import { countFlops } from '../compiler/flops.ts';
import { graphInputs } from '../compiler/graph.ts';
import { peakLiveBytes } from '../compiler/live-bytes.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { type OnnxNet, readOnnx } from '../compiler/targets/onnx/read.ts';
import type { Shape, Tensor, TensorSpec } from '../compiler/tensor.ts';

/** What one run takes. */
export interface RunCost {
  /** Of matrix products and convolutions: two per multiply-add. */
  readonly operations: number;
  /** Memory of the weights and of the values in between, without what an engine adds. */
  readonly bytes: number;
}

export interface OnnxProgram {
  readonly cost: RunCost;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /** @param data f32 numbers of the one input, in its shape. */
  run(data: Float32Array): Promise<Readonly<Record<string, Tensor>>>;
  dispose(): Promise<void>;
}

/** The network in an ONNX file that reads one tensor of numbers. @throws Unprocessable for another. */
export function readPictureNet(
  file: Uint8Array,
  part: string,
): { readonly net: OnnxNet; readonly name: string; readonly shape: OnnxNet['inputs'][number]['shape'] } {
  const net = readFile(file, part);
  const [input, ...others] = net.inputs;
  if (input === undefined || others.length > 0 || input.type !== 'f32') {
    throw new Unprocessable(
      `the network "${part}" reads ${net.inputs.map(({ name, type }) => `${type} "${name}"`).join(', ') || 'nothing'}`,
      {
        expected: 'one input of f32 numbers: the picture',
      },
    );
  }
  return { net, name: input.name, shape: input.shape };
}

function readFile(file: Uint8Array, part: string): OnnxNet {
  try {
    return readOnnx(file);
  } catch (error) {
    if (!(error instanceof InvalidInput || error instanceof Unprocessable)) throw error;
    throw new Unprocessable(`the network "${part}" cannot be read: ${error.message}`, {
      expected: (error instanceof Unprocessable ? error.expected : undefined) ?? 'a whole ONNX file',
      cause: error,
    });
  }
}

/**
 * Computes in f32.
 * @param check Throws if a run takes too much, before anything of that size is made.
 * @throws Unprocessable for a network that a graph of ours cannot have.
 */
export async function compileOnnx(
  engine: Engine,
  net: OnnxNet,
  shape: Shape,
  check: (cost: RunCost) => void = () => {},
): Promise<OnnxProgram> {
  const name = net.inputs[0]?.name ?? '';
  const { graph, state: tensors } = net.trace({ [name]: shape });
  const cost = { operations: countFlops(graph), bytes: peakLiveBytes(graph) };
  check(cost);
  const outputs = Object.fromEntries(
    Object.entries(graph.outputs).map(([output, id]) => [
      output,
      { shape: graph.nodes[id]?.shape ?? [], dtype: graph.nodes[id]?.dtype ?? 'f32' },
    ]),
  );
  const isRead = graphInputs(graph).has(name);
  const state: State = engine.createState(tensors);
  const executable: Executable = await engine.compile(optimize(graph, { tuning: engine.tuning ?? {} }));
  return {
    cost,
    outputs,
    run: data => executable.run(state, isRead ? { [name]: { shape, dtype: 'f32', data } } : {}),
    async dispose() {
      await executable.dispose();
      state.dispose();
    },
  };
}

/** The bytes of a part of the weights, whose file may be cut into several blobs. */
export function joinBlobs(blobs: readonly Uint8Array[]): Uint8Array {
  const [only] = blobs;
  if (blobs.length === 1 && only) return only;
  const whole = new Uint8Array(blobs.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const blob of blobs) {
    whole.set(blob, at);
    at += blob.length;
  }
  return whole;
}
