/** @file Lowering to ONNX: nodes by rules.ts, in a model with named inputs and outputs. */

import { expandComposites } from '../../expand-composites.ts';
import type { Graph } from '../../graph.ts';
import type { TensorSpec } from '../../tensor.ts';
import { Emitter, ONNX_PREFIX, type OnnxOptions } from './emitter.ts';
import { loweredNodes } from './fused-operators.ts';
import { encodeModel } from './model.ts';
import { emitNode, isRotaryKernel } from './rules.ts';

/** ONNX bytes, with the types of the graph's feeds, outputs and state. */
export interface OnnxProgram {
  readonly bytes: Uint8Array;
  /** The lowered graph: composites without a kernel of the target are expanded. */
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, TensorSpec>;
  readonly reads: ReadonlyMap<string, TensorSpec>;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly writes: ReadonlyMap<string, TensorSpec>;
}

/** ONNX bytes for a graph; equal graphs give equal bytes. */
export function lowerToOnnx(whole: Graph, options: OnnxOptions): OnnxProgram {
  const graph = expandComposites(whole, node => options.rotaryEmbedding === true && isRotaryKernel(node, whole));
  const emit = new Emitter(graph, options);
  const sources = { input: new Map<string, TensorSpec>(), state: new Map<string, TensorSpec>() };
  const lowered = loweredNodes(graph);
  for (const [id, node] of graph.nodes.entries()) {
    if (node.op === 'input' || node.op === 'state') {
      sources[node.op].set(node.attrs.name, { shape: node.shape, dtype: node.dtype });
    }
    if (!lowered.has(id)) continue;
    const operands = node.inputs.map(input => emit.nameOf(input));
    emitNode(emit, node, operands, emit.nameOf(id));
  }
  const results = (ids: Readonly<Record<string, number>>, prefix: string) => {
    const specs = new Map<string, TensorSpec>();
    for (const [name, id] of Object.entries(ids)) {
      const node = graph.nodes[id];
      if (node === undefined) continue;
      if (emit.nameOf(id) !== `${prefix}${name}`) emit.node('Identity', [emit.nameOf(id)], `${prefix}${name}`);
      specs.set(name, { shape: node.shape, dtype: node.dtype });
    }
    return specs;
  };
  const outputs = results(graph.outputs, ONNX_PREFIX.output);
  const writes = results(graph.writes, ONNX_PREFIX.write);
  const prefixed = (specs: ReadonlyMap<string, TensorSpec>, prefix: string) =>
    [...specs].map(([name, spec]) => [`${prefix}${name}`, spec] as const);
  const bytes = encodeModel({
    nodes: options.lastFirst ? emit.nodes.toReversed() : emit.nodes,
    initializers: emit.initializers,
    inputs: [...prefixed(sources.input, ONNX_PREFIX.input), ...prefixed(sources.state, ONNX_PREFIX.state)],
    outputs: [...prefixed(outputs, ONNX_PREFIX.output), ...prefixed(writes, ONNX_PREFIX.write)],
  });
  return { bytes, graph, inputs: sources.input, reads: sources.state, outputs, writes };
}
