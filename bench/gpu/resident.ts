/** @file State and feeds that stay on the device, so that a run has no transfer. */
import type { Engine, State, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { type Graph, graphInputs, graphReads } from '../../gpu-runner/compiler/graph.ts';
import { emptyTensor, type Tensor, type TensorSpec, tensorOf } from '../../gpu-runner/compiler/tensor.ts';
import { RandomStream } from '../../numerics/random-stream.ts';

const FEED = 'input.';

/** Turns every input into state named `input.` and its name. */
export function feedsAsState({ nodes, outputs, writes }: Graph): Graph {
  return {
    nodes: nodes.map(node =>
      node.op === 'input'
        ? { ...node, op: 'state' as const, attrs: { ...node.attrs, name: `${FEED}${node.attrs.name}` } }
        : node,
    ),
    outputs,
    writes,
  };
}

/** Numbers that are drawn; tensors repeat them, since a million draws take half a second. */
const DRAWN = 2 ** 16;

/**
 * All state that a graph reads: small normal numbers for weights, normal ones for feeds, and ones for the masks and for
 * the times.
 */
export function drawState(engine: Engine, graph: Graph): State {
  const normals = new Float32Array(DRAWN);
  new RandomStream(0, 'sample').fillNormal(normals);
  const state = engine.createState({});
  for (const [name, spec] of graphReads(graph)) state.set({ [name]: drawTensor(name, spec, normals) });
  return state;
}

function drawTensor(name: string, spec: TensorSpec, normals: Float32Array): Tensor {
  const tensor = emptyTensor(spec);
  const isOne = /^input\.(t|keep_\w+|\w+_mask)$/.test(name);
  const scale = name.startsWith(FEED) ? 1 : 0.02;
  // The second moments of AdamW are squares.
  const isSquare = name.startsWith('optimizer.v.');
  const { data } = tensor;
  for (let i = 0; i < data.length; i++) {
    const x = (normals[i % DRAWN] ?? 0) * scale;
    data[i] = isOne ? 1 : isSquare ? x * x : x;
  }
  return tensor;
}

/** Small numbers for scalar inputs, as the update has. */
export function drawScalars(graph: Graph): Tensors {
  return Object.fromEntries([...graphInputs(graph)].map(([name, { shape }]) => [name, tensorOf(shape, [1e-4])]));
}
