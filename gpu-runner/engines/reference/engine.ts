/** @file The reference engine: interprets a graph in f64. It rounds only at casts and when tensors enter or leave. */

import { fromBf16Bits, fromF16Bits, toBf16Bits, toF16Bits } from '../../../formats/half.ts';
import type { Engine, EngineProbe, Executable, State, Tensors } from '../../compiler/engine.ts';
import { expandComposites } from '../../compiler/expand-composites.ts';
import type { Graph, PrimitiveNode } from '../../compiler/graph.ts';
import { peakLiveBytes } from '../../compiler/live-bytes.ts';
import { GraphError, isSameShape } from '../../compiler/shapes.ts';
import { type DType, emptyTensor, formatType, type Tensor, type TensorSpec } from '../../compiler/tensor.ts';
import { type Array64, evaluateNode } from './kernels.ts';

const DECODE: Readonly<Record<DType, (x: number) => number>> = {
  f32: x => x,
  f16: fromF16Bits,
  bf16: fromBf16Bits,
  i32: x => x,
  bool: x => x,
};

const ENCODE: Readonly<Record<DType, (x: number) => number>> = { ...DECODE, f16: toF16Bits, bf16: toBf16Bits };

function toArray64(tensor: Tensor): Array64 {
  return { shape: tensor.shape, data: Float64Array.from(tensor.data, DECODE[tensor.dtype]) };
}

function toTensor(spec: TensorSpec, data: Float64Array): Tensor {
  const tensor = emptyTensor({ shape: spec.shape, dtype: spec.dtype });
  const encode = ENCODE[spec.dtype];
  for (let i = 0; i < data.length; i++) tensor.data[i] = encode(data[i] ?? 0);
  return tensor;
}

/** State in f64, so that a test can measure differences far below the resolution of f32. */
class ReferenceState implements State {
  readonly values = new Map<string, Array64 & { readonly dtype: DType }>();

  get names(): readonly string[] {
    return [...this.values.keys()];
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      this.values.set(name, { ...toArray64(tensor), dtype: tensor.dtype });
    }
  }

  read(names = this.names): Promise<Record<string, Tensor>> {
    const tensors: Record<string, Tensor> = {};
    for (const name of names) {
      const value = this.values.get(name);
      if (value === undefined) throw new GraphError(`there is no state named "${name}"`);
      tensors[name] = toTensor(value, value.data);
    }
    return Promise.resolve(tensors);
  }

  move(from: string, to?: string): void {
    const value = this.values.get(from);
    if (value === undefined) throw new GraphError(`there is no state named "${from}"`);
    this.values.delete(from);
    if (to !== undefined) this.values.set(to, value);
  }

  dispose(): void {
    this.values.clear();
  }
}

/** Evaluates a graph over f64 feeds. Gradient checks call it directly. */
export function interpret(
  graph: Graph,
  inputs: Readonly<Record<string, Array64>>,
  state: ReadonlyMap<string, Array64> = new Map(),
): { outputs: Record<string, Array64>; writes: Record<string, Array64> } {
  const { nodes, outputs, writes } = expandComposites(graph);
  const values: Array64[] = [];
  for (const node of nodes) {
    if (node.op === 'input' || node.op === 'state') {
      const { name } = node.attrs;
      const value = node.op === 'input' ? inputs[name] : state.get(name);
      if (value === undefined) throw new GraphError(`${node.op} "${name}" (${formatType(node)}) was not given`);
      if (!isSameShape(value.shape, node.shape)) {
        throw new GraphError(`${node.op} "${name}" is [${value.shape.join(', ')}], expected ${formatType(node)}`);
      }
      values.push(value);
      continue;
    }
    const operands = node.inputs.map(input => values[input]).filter(value => value !== undefined);
    values.push({ shape: node.shape, data: evaluateNode(node, operands) });
  }
  const pick = (ids: Readonly<Record<string, number>>) => {
    const picked: Record<string, Array64> = {};
    for (const [name, id] of Object.entries(ids)) {
      const value = values[id];
      if (value !== undefined) picked[name] = value;
    }
    return picked;
  };
  return { outputs: pick(outputs), writes: pick(writes) };
}

class ReferenceExecutable implements Executable {
  readonly peakBytes: number;
  readonly #graph: Graph<PrimitiveNode>;

  constructor(graph: Graph) {
    this.#graph = expandComposites(graph);
    this.peakBytes = peakLiveBytes(this.#graph);
  }

  run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof ReferenceState)) throw new GraphError('the state belongs to another engine');
    const graph = this.#graph;
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toArray64(tensor)]));
    const { outputs, writes } = interpret(graph, feeds, state.values);
    for (const [name, value] of Object.entries(writes)) {
      const dtype = graph.nodes[graph.writes[name] ?? -1]?.dtype ?? 'f32';
      state.values.set(name, { ...value, dtype });
    }
    const tensors: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(outputs)) {
      const node = graph.nodes[graph.outputs[name] ?? -1];
      if (node !== undefined) tensors[name] = toTensor(node, value.data);
    }
    return Promise.resolve(tensors);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

export function probeReference(): EngineProbe {
  return { name: 'reference', available: true, device: 'CPU, one thread, f64', version: '1', threads: 1 };
}

export function createReferenceEngine(): Engine {
  return {
    name: 'reference',
    createState(tensors) {
      const state = new ReferenceState();
      state.set(tensors);
      return state;
    },
    compile: graph => Promise.resolve(new ReferenceExecutable(graph)),
    dispose: () => Promise.resolve(),
  };
}
