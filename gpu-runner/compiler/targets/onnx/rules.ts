/** @file The ONNX operators of each operation. Every ONNX Runtime provider and OpenVINO run all of them (opset 21). */
import { toBf16Bits, toF16Bits } from '../../../../formats/half.ts';
import type { AnyNode, Graph, Node } from '../../graph.ts';
import type { OpName, PrimitiveName } from '../../ops.ts';
import { isSameShape } from '../../shapes.ts';
import { type DType, sizeOf } from '../../tensor.ts';
import type { Emitter } from './emitter.ts';
import { findClipped, findSquared } from './fused-operators.ts';
import { ONNX_TYPES } from './model.ts';
import { writeSinusoid } from './trigonometry.ts';

type Rule<O extends OpName> = (emit: Emitter, node: Node<O>, operands: readonly string[], result: string) => void;

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
  min(emit, node, operands, result) {
    const clipped = findClipped(emit.graph, node)?.map(id => emit.nameOf(id));
    emit.node(clipped ? 'Clip' : 'Min', clipped ?? operands, result);
  },
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
    const squared = findSquared(emit.graph, node);
    const inputs = squared === undefined ? operands : [emit.nameOf(squared)];
    const type = squared === undefined ? 'ReduceSum' : 'ReduceSumSquare';
    emit.node(type, [...inputs, emit.ints(node.attrs.axes)], result, {
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
    // False for any number, but no optimizer folds it. Parts are joined by And: WebGPU has no Or.
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
      emit.node('And', [joined, part], next);
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

/** True if ONNX Runtime's kernel fits: x [batch, heads, tokens, dim] and literal angles [tokens, dim]. */
export function isRotaryKernel(node: AnyNode, { nodes }: Graph): boolean {
  if (node.op !== 'rotate' || node.dtype !== 'f32' || node.shape.length !== 4) return false;
  const [, ...angles] = node.inputs.map(input => nodes[input]);
  return angles.every(angle => angle?.op === 'constant' && isSameShape(angle.shape, node.shape.slice(2)));
}

/** Writes the operators of a node. @throws TypeError for a composite without a kernel: expand it first. */
export function emitNode(emit: Emitter, node: AnyNode, operands: readonly string[], result: string): void {
  if (!(node.op in RULES)) throw new TypeError(`${node.op} has no ONNX operator`);
  (RULES[node.op as keyof typeof RULES] as Rule<OpName>)(emit, node as Node<OpName>, operands, result);
}
