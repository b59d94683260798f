/** @file Lowering to ONNX: one row per operation. Only operators that every ONNX Runtime provider and OpenVINO run (opset 21). */

import { toBf16Bits, toF16Bits } from '../../../../formats/half.ts';
import type { AnyNode, Graph, Node } from '../../graph.ts';
import type { OpName, PrimitiveName } from '../../ops.ts';
import { expandComposites } from '../../passes/expand-composites.ts';
import { GraphError, isSameShape } from '../../shapes.ts';
import { type DType, type Shape, sizeOf, type TensorSpec } from '../../tensor.ts';
import { encodeModel, ONNX_TYPES, type OnnxInitializer, type OnnxNode, type OnnxType } from './model.ts';
import { writeSinusoid } from './trigonometry.ts';

export interface OnnxOptions {
  /** com.microsoft.FusedMatMul for transposed batched operands; only ONNX Runtime knows it. */
  readonly fusedMatMul: boolean;
  /** Gemm for transposed matrices, default true; false: Transpose and MatMul, of which OpenVINO makes one product, and of Gemm two passes more. */
  readonly gemm?: boolean;
  /** com.microsoft.RotaryEmbedding for rotations by literal angles; only ONNX Runtime knows it. */
  readonly rotaryEmbedding?: boolean;
  /** Sine and cosine from sums and products, where the provider's own are coarse; default false. */
  readonly preciseSinusoids?: boolean;
  /**
   * Nodes from the last to the first. ONNX Runtime orders them anew: depth first from the nodes that nothing uses, the highest number
   * first. Numbered backwards, they run in about the graph's order, each just before it is needed; numbered forwards, every weight's
   * gradient but the first layer's would wait for the end and hold on to its layer's activations.
   */
  readonly lastFirst?: boolean;
}

/** ONNX bytes, and which of their inputs and outputs are the graph's state. */
export interface OnnxProgram {
  readonly bytes: Uint8Array;
  /** What was lowered: composites that the target has no kernel for are primitives in it. */
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, TensorSpec>;
  readonly reads: ReadonlyMap<string, TensorSpec>;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly writes: ReadonlyMap<string, TensorSpec>;
}

/** Names in the ONNX model: feeds are `in:`, state read is `state:`, results are `out:`, state written is `next:`. */
export const ONNX_PREFIX = { input: 'in:', state: 'state:', output: 'out:', write: 'next:' } as const;

type Rule<O extends OpName> = (emit: Emitter, node: Node<O>, operands: readonly string[], result: string) => void;

class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly options: OnnxOptions;
  readonly graph: Graph;
  readonly #ints = new Map<string, string>();
  readonly #halved = new Set<number>();
  readonly #scalars = new Map<number, string>();
  readonly #resultNames = new Map<number, string>();
  #fresh = 0;

  constructor(graph: Graph, options: OnnxOptions) {
    this.graph = graph;
    this.options = options;
    for (const [name, id] of Object.entries(graph.writes)) this.#resultNames.set(id, `${ONNX_PREFIX.write}${name}`);
    for (const [name, id] of Object.entries(graph.outputs)) this.#resultNames.set(id, `${ONNX_PREFIX.output}${name}`);
  }

  node(
    type: string,
    inputs: readonly string[],
    output: string,
    rest: Omit<OnnxNode, 'type' | 'inputs' | 'outputs'> = {},
  ): void {
    this.nodes.push({ type, inputs, outputs: [output], ...rest });
  }

  temporary(): string {
    this.#fresh += 1;
    return `t${this.#fresh}`;
  }

  /** An int64 vector: shapes, axes and ranges are inputs in ONNX. */
  ints(values: readonly number[]): string {
    const key = values.join(',');
    const known = this.#ints.get(key);
    if (known !== undefined) return known;
    const name = `ints:${key}`;
    this.#ints.set(key, name);
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.initializer(name, 'i64', [values.length], bytes);
    return name;
  }

  /** Literal angles [tokens, dim], equal within a pair, as [tokens, dim / 2]. */
  halvedAngles(id: number): string {
    const name = `half:${id}`;
    const node = this.graph.nodes[id];
    if (node?.op !== 'constant') throw new GraphError('the angles of a rotation kernel are no literals');
    if (!this.#halved.has(id)) {
      const [tokens = 0, dim = 0] = node.shape;
      const values = Float32Array.from(node.attrs.values.filter((_, i) => i % 2 === 0));
      this.initializer(name, 'f32', [tokens, dim / 2], new Uint8Array(values.buffer));
      this.#halved.add(id);
    }
    return name;
  }

  /** An f32 number. */
  scalar(value: number): string {
    const known = this.#scalars.get(value);
    if (known !== undefined) return known;
    const name = `f32:${value}`;
    this.#scalars.set(value, name);
    this.initializer(name, 'f32', [], new Uint8Array(Float32Array.of(value).buffer));
    return name;
  }

  /** The int64 scalar 0. */
  index(): string {
    const name = 'index:0';
    if (!this.initializers.some(known => known.name === name)) this.initializer(name, 'i64', [], new Uint8Array(8));
    return name;
  }

  initializer(name: string, type: OnnxType, shape: Shape, bytes: Uint8Array): void {
    this.initializers.push({ name, type, shape, bytes });
  }

  /** What the node's value is called; a result of the graph has its final name from the start, which saves a copy. */
  nameOf(id: number): string {
    const node = this.graph.nodes[id];
    if (node?.op === 'input') return `${ONNX_PREFIX.input}${node.attrs.name}`;
    if (node?.op === 'state') return `${ONNX_PREFIX.state}${node.attrs.name}`;
    return (node?.op !== 'constant' && this.#resultNames.get(id)) || `v${id}`;
  }

  operandOf(node: AnyNode, index: number): AnyNode | undefined {
    const id = node.inputs[index];
    return id === undefined ? undefined : this.graph.nodes[id];
  }
}

/** What a sum of squares is over, when that is what the node is: ONNX has an operator for it. */
export function squareRoot(graph: Graph, node: AnyNode): number | undefined {
  const x = node.op === 'reduceSum' ? graph.nodes[node.inputs[0] ?? -1] : undefined;
  return x?.op === 'mul' && x.inputs[0] === x.inputs[1] ? x.inputs[0] : undefined;
}

/** Ids of nodes of which an operator is made: squares that are only summed need none. */
export function loweredNodes(graph: Graph): ReadonlySet<number> {
  const needed = new Set([...Object.values(graph.outputs), ...Object.values(graph.writes)]);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (node === undefined || !needed.has(id)) continue;
    const root = squareRoot(graph, node);
    for (const input of root === undefined ? node.inputs : [root]) needed.add(input);
  }
  return needed;
}

function same(type: string): Rule<OpName> {
  return (emit, _, operands, result) => emit.node(type, operands, result);
}

function sinusoid(type: 'Sin' | 'Cos'): Rule<'sin' | 'cos'> {
  return (emit, node, operands, result) => {
    const [x = ''] = operands;
    if (!emit.options.preciseSinusoids || node.dtype !== 'f32') emit.node(type, operands, result);
    else writeSinusoid(emit, type === 'Sin' ? 'sin' : 'cos', x, result);
  };
}

const nothing: Rule<OpName> = () => {};

const ENCODERS: Readonly<Record<DType, (values: readonly number[]) => ArrayBufferView>> = {
  f32: values => Float32Array.from(values),
  f16: values => Uint16Array.from(values, toF16Bits),
  bf16: values => Uint16Array.from(values, toBf16Bits),
  i32: values => Int32Array.from(values),
  bool: values => Uint8Array.from(values),
};

const swapLastTwo = (rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => (axis === rank - 2 ? rank - 1 : axis === rank - 1 ? rank - 2 : axis));

const RULES: { readonly [O in PrimitiveName | 'rotate']: Rule<O> } = {
  input: nothing,
  state: nothing,
  constant(emit, { attrs, shape, dtype }, _, result) {
    const { values } = attrs;
    const view = ENCODERS[dtype](values);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (values.length === sizeOf(shape)) {
      emit.initializer(result, dtype, shape, bytes);
    } else {
      const scalar = emit.temporary();
      emit.initializer(scalar, dtype, [], bytes);
      emit.node('Expand', [scalar, emit.ints(shape)], result);
    }
  },
  neg: same('Neg'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  reciprocal: same('Reciprocal'),
  tanh: same('Tanh'),
  sigmoid: same('Sigmoid'),
  erf: same('Erf'),
  sin: sinusoid('Sin'),
  cos: sinusoid('Cos'),
  abs: same('Abs'),
  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  max: same('Max'),
  min: same('Min'),
  less: same('Less'),
  equal: same('Equal'),
  and: same('And'),
  not: same('Not'),
  select(emit, node, operands, result) {
    if (node.dtype !== 'bool') return emit.node('Where', operands, result);
    // ONNX Runtime's CPU provider has no Where for bool: c & a | ~c & b.
    const [condition = '', a = '', b = ''] = operands;
    const [taken, inverse, other] = [emit.temporary(), emit.temporary(), emit.temporary()];
    emit.node('And', [condition, a], taken);
    emit.node('Not', [condition], inverse);
    emit.node('And', [inverse, b], other);
    emit.node('Or', [taken, other], result);
  },
  reduceSum(emit, node, operands, result) {
    const root = squareRoot(emit.graph, node);
    const inputs = root === undefined ? operands : [emit.nameOf(root)];
    emit.node(root !== undefined ? 'ReduceSumSquare' : 'ReduceSum', [...inputs, emit.ints(node.attrs.axes)], result, {
      attributes: { keepdims: 1 },
    });
  },
  reduceMax: (emit, { attrs }, operands, result) =>
    emit.node('ReduceMax', [...operands, emit.ints(attrs.axes)], result, { attributes: { keepdims: 1 } }),
  matmul(emit, node, operands, result) {
    const { transposeA, transposeB } = node.attrs;
    const rank = node.shape.length;
    if (!transposeA && !transposeB) return emit.node('MatMul', operands, result);
    const flags = { transA: Number(transposeA), transB: Number(transposeB) };
    if (rank === 2 && emit.options.gemm !== false) return emit.node('Gemm', operands, result, { attributes: flags });
    if (emit.options.fusedMatMul) {
      return emit.node('FusedMatMul', operands, result, { attributes: flags, domain: 'com.microsoft' });
    }
    const [a = '', b = ''] = operands;
    const turn = (name: string, isTransposed: boolean) => {
      if (!isTransposed) return name;
      const turned = emit.temporary();
      emit.node('Transpose', [name], turned, { attributes: { perm: swapLastTwo(rank) } });
      return turned;
    };
    emit.node('MatMul', [turn(a, transposeA), turn(b, transposeB)], result);
  },
  conv2d(emit, { attrs }, operands, result) {
    const { stride, dilation, padding, groups } = attrs;
    emit.node('Conv', operands, result, {
      attributes: { strides: stride, dilations: dilation, pads: padding, group: groups },
    });
  },
  reshape: (emit, { shape }, [x = ''], result) => emit.node('Reshape', [x, emit.ints(shape)], result),
  transpose: (emit, { attrs }, operands, result) =>
    emit.node('Transpose', operands, result, { attributes: { perm: attrs.perm } }),
  broadcast: (emit, { shape }, [x = ''], result) => emit.node('Expand', [x, emit.ints(shape)], result),
  slice(emit, { attrs }, [x = ''], result) {
    const axes = attrs.starts.map((_, axis) => axis);
    emit.node('Slice', [x, emit.ints(attrs.starts), emit.ints(attrs.ends), emit.ints(axes)], result);
  },
  pad: (emit, { attrs }, [x = ''], result) =>
    emit.node('Pad', [x, emit.ints([...attrs.before, ...attrs.after])], result),
  concat: (emit, { attrs }, operands, result) =>
    emit.node('Concat', operands, result, { attributes: { axis: attrs.axis } }),
  gather: (emit, { attrs }, operands, result) =>
    emit.node('Gather', operands, result, { attributes: { axis: attrs.axis } }),
  scatterAdd(emit, node, [x = '', indices = '', updates = ''], result) {
    const { axis } = node.attrs;
    const full = emit.operandOf(node, 2)?.shape ?? [];
    const [aligned, expanded] = [emit.temporary(), emit.temporary()];
    const shape = full.map((size, other) => (other === axis ? size : 1));
    emit.node('Reshape', [indices, emit.ints(shape)], aligned);
    emit.node('Expand', [aligned, emit.ints(full)], expanded);
    emit.node('ScatterElements', [x, expanded, updates], result, { attributes: { axis, reduction: 'add' } });
  },
  cast: (emit, { attrs }, operands, result) =>
    emit.node('Cast', operands, result, { attributes: { to: ONNX_TYPES[attrs.dtype] } }),
  stopGradient: same('Identity'),
  never(emit, _, operands, result) {
    // No element is less than itself, and no optimizer knows.
    const parts = operands.map(operand => {
      const [flat, first] = [emit.temporary(), emit.temporary()];
      const part = operands.length === 1 ? result : emit.temporary();
      emit.node('Reshape', [operand, emit.ints([-1])], flat);
      emit.node('Gather', [flat, emit.index()], first, { attributes: { axis: 0 } });
      emit.node('Less', [first, first], part);
      return part;
    });
    let joined = parts[0] ?? '';
    for (const [i, part] of parts.slice(1).entries()) {
      const next = i === parts.length - 2 ? result : emit.temporary();
      emit.node('Or', [joined, part], next);
      joined = next;
    }
  },
  after(emit, node, [x = '', never = ''], result) {
    if (node.dtype === 'bool') return emit.node('Or', [x, never], result);
    // x - (+0) is x, -0 and NaN included; x + 0 would turn -0 into 0.
    const zero = emit.temporary();
    emit.node('Cast', [never], zero, { attributes: { to: ONNX_TYPES[node.dtype] } });
    emit.node('Sub', [x, zero], result);
  },
  softmax: (emit, { attrs }, operands, result) =>
    emit.node('Softmax', operands, result, { attributes: { axis: attrs.axis } }),
  rotate(emit, node, [x = ''], result) {
    const tables = node.inputs.slice(1).map(id => emit.halvedAngles(id));
    emit.node('RotaryEmbedding', [x, emit.ints([0]), ...tables], result, {
      attributes: { interleaved: 1 },
      domain: 'com.microsoft',
    });
  },
};

/** ONNX Runtime's kernel takes x [batch, heads, tokens, dim] and one cosine and one sine per token and pair of channels. */
function isRotaryKernel(node: AnyNode, { nodes }: Graph): boolean {
  if (node.op !== 'rotate' || node.dtype !== 'f32' || node.shape.length !== 4) return false;
  const [, ...angles] = node.inputs.map(input => nodes[input]);
  return angles.every(angle => angle?.op === 'constant' && isSameShape(angle.shape, node.shape.slice(2)));
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
    (RULES[node.op as keyof typeof RULES] as Rule<OpName>)(emit, node as Node<OpName>, operands, emit.nameOf(id));
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
