/** @file One kernel per operation over Float64Array: slow and simple, the oracle of the other engines. */

import { fromBf16Bits, fromF16Bits, toBf16Bits, toF16Bits } from '../../../formats/half.ts';
import type { Node, PrimitiveNode } from '../../compiler/graph.ts';
import type { PrimitiveName } from '../../compiler/ops.ts';
import { GraphError, stridesOf } from '../../compiler/shapes.ts';
import { type DType, type Shape, sizeOf } from '../../compiler/tensor.ts';

/** Row-major elements; a bool is 0 or 1. */
export interface Array64 {
  readonly shape: Shape;
  readonly data: Float64Array;
}

type Kernel<O extends PrimitiveName> = (operands: readonly Array64[], node: Node<O>) => Float64Array;

/** Calls `visit` with the offset of each operand for every element of `shape`, in row-major order. */
function forEachElement(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (i: number, at: readonly number[]) => void,
) {
  const total = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  const offsets = strides.map(() => 0);
  for (let i = 0; i < total; i++) {
    visit(i, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      for (let k = 0; k < offsets.length; k++) offsets[k]! += strides[k]![axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (let k = 0; k < offsets.length; k++) offsets[k]! -= strides[k]![axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Strides that read `from` as if it had `shape`: 0 along broadcast axes. */
function broadcastStrides(from: Shape, shape: Shape): number[] {
  const strides = stridesOf(from);
  return shape.map((_, axis) => {
    const own = axis - (shape.length - from.length);
    return own < 0 || from[own] === 1 ? 0 : strides[own]!;
  });
}

function map(fn: (x: number) => number): Kernel<PrimitiveName> {
  return ([x]) => x!.data.map(fn);
}

function zip(fn: (x: number, y: number) => number): Kernel<PrimitiveName> {
  return ([a, b], { shape }) => {
    const out = new Float64Array(sizeOf(shape));
    const strides = [broadcastStrides(a!.shape, shape), broadcastStrides(b!.shape, shape)];
    forEachElement(shape, strides, (i, at) => {
      out[i] = fn(a!.data[at[0]!]!, b!.data[at[1]!]!);
    });
    return out;
  };
}

function reduce(initial: number, fn: (accumulated: number, x: number) => number): Kernel<'reduceSum' | 'reduceMax'> {
  return ([x], { shape }) => {
    const out = new Float64Array(sizeOf(shape)).fill(initial);
    forEachElement(x!.shape, [broadcastStrides(shape, x!.shape)], (i, at) => {
      out[at[0]!] = fn(out[at[0]!]!, x!.data[i]!);
    });
    return out;
  };
}

/** Copies x, read with strides from an offset, into the node's shape. */
function gatherStrided(x: Array64, shape: Shape, strides: readonly number[], offset: number): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  forEachElement(shape, [strides], (i, at) => {
    out[i] = x.data[offset + at[0]!]!;
  });
  return out;
}

/** Copies x into the array `out` of `shape`, at the offset `starts`. */
function scatterInto(out: Float64Array, shape: Shape, x: Array64, starts: readonly number[]): void {
  const strides = stridesOf(shape);
  const offset = starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  forEachElement(x.shape, [strides], (i, at) => {
    out[offset + at[0]!] = x.data[i]!;
  });
}

/**
 * Calls `visit` for every index with the offset of its slice in x, its offset among the indexed slices, and its length.
 */
function forEachIndex(
  shape: Shape,
  axis: number,
  indices: Array64,
  visit: (whole: number, indexed: number, length: number) => void,
): void {
  const size = shape[axis]!;
  const count = indices.data.length;
  const length = sizeOf(shape.slice(axis + 1));
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
    for (const [i, index] of indices.data.entries()) {
      if (!(index >= 0 && index < size))
        throw new GraphError(`index ${index} is out of range for axis ${axis} of size ${size}`);
      visit((outer * size + index) * length, (outer * count + i) * length, length);
    }
  }
}

const ROUND: Readonly<Record<DType, (x: number) => number>> = {
  f32: Math.fround,
  f16: x => fromF16Bits(toF16Bits(x)),
  bf16: x => fromBf16Bits(toBf16Bits(x)),
  i32: x => Math.trunc(x),
  bool: x => (x === 0 ? 0 : 1),
};

/** Error function to 1e-15: Taylor series below 3, continued fraction above (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 100; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * sum * (2 / Math.sqrt(Math.PI));
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

const source = (): never => {
  throw new Error('sources are read by the interpreter');
};

export const KERNELS: { readonly [O in PrimitiveName]: Kernel<O> } = {
  input: source,
  state: source,
  constant: (_, { attrs, shape }) => {
    const { values } = attrs;
    return values.length === 1 ? new Float64Array(sizeOf(shape)).fill(values[0]!) : Float64Array.from(values);
  },
  neg: map(x => -x),
  exp: map(Math.exp),
  log: map(Math.log),
  sqrt: map(Math.sqrt),
  reciprocal: map(x => 1 / x),
  tanh: map(Math.tanh),
  sigmoid: map(x => 1 / (1 + Math.exp(-x))),
  erf: map(erf),
  sin: map(Math.sin),
  cos: map(Math.cos),
  abs: map(Math.abs),
  add: zip((x, y) => x + y),
  sub: zip((x, y) => x - y),
  mul: zip((x, y) => x * y),
  div: zip((x, y) => x / y),
  max: zip(Math.max),
  min: zip(Math.min),
  less: zip((x, y) => (x < y ? 1 : 0)),
  equal: zip((x, y) => (x === y ? 1 : 0)),
  and: zip((x, y) => x * y),
  not: map(x => 1 - x),
  select: ([condition, a, b], { shape }) => {
    const out = new Float64Array(sizeOf(shape));
    const strides = [condition!, a!, b!].map(x => broadcastStrides(x.shape, shape));
    forEachElement(shape, strides, (i, at) => {
      out[i] = condition!.data[at[0]!] ? a!.data[at[1]!]! : b!.data[at[2]!]!;
    });
    return out;
  },
  reduceSum: reduce(0, (sum, x) => sum + x),
  reduceMax: reduce(-Infinity, Math.max),
  matmul: ([a, b], { attrs, shape }) => {
    const [m, n] = [shape.at(-2)!, shape.at(-1)!];
    const k = a!.shape.at(attrs.transposeA ? -2 : -1)!;
    const [aRow, aInner] = attrs.transposeA ? [1, m] : [k, 1];
    const [bInner, bColumn] = attrs.transposeB ? [1, k] : [n, 1];
    const out = new Float64Array(sizeOf(shape));
    for (let batch = 0; batch * m * n < out.length; batch++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let p = 0; p < k; p++) {
            sum += a!.data[batch * m * k + i * aRow + p * aInner]! * b!.data[batch * k * n + p * bInner + j * bColumn]!;
          }
          out[batch * m * n + i * n + j] = sum;
        }
      }
    }
    return out;
  },
  conv2d: ([x, weight], { attrs, shape }) => {
    const [, outputs, rows, columns] = shape as [number, number, number, number];
    const [, channels, height, width] = x!.shape as [number, number, number, number];
    const [, perGroup, kernelRows, kernelColumns] = weight!.shape as [number, number, number, number];
    const { stride, dilation, padding, groups } = attrs;
    const out = new Float64Array(sizeOf(shape));
    for (let i = 0; i < out.length; i++) {
      const column = i % columns;
      const row = Math.floor(i / columns) % rows;
      const output = Math.floor(i / (columns * rows)) % outputs;
      const sample = Math.floor(i / (columns * rows * outputs));
      const firstChannel = Math.floor(output / (outputs / groups)) * perGroup;
      for (let c = 0; c < perGroup; c++) {
        for (let ky = 0; ky < kernelRows; ky++) {
          const y = row * stride[0] + ky * dilation[0] - padding[0];
          if (y < 0 || y >= height) continue;
          for (let kx = 0; kx < kernelColumns; kx++) {
            const z = column * stride[1] + kx * dilation[1] - padding[1];
            if (z < 0 || z >= width) continue;
            const at = ((sample * channels + firstChannel + c) * height + y) * width + z;
            out[i]! += x!.data[at]! * weight!.data[((output * perGroup + c) * kernelRows + ky) * kernelColumns + kx]!;
          }
        }
      }
    }
    return out;
  },
  reshape: ([x]) => x!.data,
  transpose: ([x], { attrs, shape }) => {
    const strides = stridesOf(x!.shape);
    return gatherStrided(
      x!,
      shape,
      attrs.perm.map(axis => strides[axis]!),
      0,
    );
  },
  broadcast: ([x], { shape }) => gatherStrided(x!, shape, broadcastStrides(x!.shape, shape), 0),
  slice: ([x], { attrs, shape }) => {
    const strides = stridesOf(x!.shape);
    const offset = attrs.starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
    return gatherStrided(x!, shape, strides, offset);
  },
  pad: ([x], { attrs, shape }) => {
    const out = new Float64Array(sizeOf(shape));
    scatterInto(out, shape, x!, attrs.before);
    return out;
  },
  concat: (operands, { attrs, shape }) => {
    const out = new Float64Array(sizeOf(shape));
    let start = 0;
    for (const operand of operands) {
      scatterInto(
        out,
        shape,
        operand,
        shape.map((_, axis) => (axis === attrs.axis ? start : 0)),
      );
      start += operand.shape[attrs.axis]!;
    }
    return out;
  },
  gather: ([x, indices], { attrs, shape }) => {
    const out = new Float64Array(sizeOf(shape));
    forEachIndex(x!.shape, attrs.axis, indices!, (from, to, length) => {
      out.set(x!.data.subarray(from, from + length), to);
    });
    return out;
  },
  scatterAdd: ([x, indices, updates], { attrs, shape }) => {
    const out = x!.data.slice();
    forEachIndex(shape, attrs.axis, indices!, (to, from, length) => {
      for (let i = 0; i < length; i++) out[to + i]! += updates!.data[from + i]!;
    });
    return out;
  },
  cast: ([x], { attrs }) => x!.data.map(ROUND[attrs.dtype]),
  stopGradient: ([x]) => x!.data,
  never: () => Float64Array.of(0),
  after: ([x]) => x!.data,
  softmax: ([x], { attrs, shape }) => {
    const reduced = shape.map((size, axis) => (axis === attrs.axis ? 1 : size));
    const strides = [broadcastStrides(reduced, shape)];
    const largest = new Float64Array(sizeOf(reduced)).fill(-Infinity);
    const sum = new Float64Array(largest.length);
    const out = new Float64Array(sizeOf(shape));
    forEachElement(shape, strides, (i, at) => {
      largest[at[0]!] = Math.max(largest[at[0]!]!, x!.data[i]!);
    });
    forEachElement(shape, strides, (i, at) => {
      out[i] = Math.exp(x!.data[i]! - largest[at[0]!]!);
      sum[at[0]!]! += out[i]!;
    });
    forEachElement(shape, strides, (i, at) => {
      out[i]! /= sum[at[0]!]!;
    });
    return out;
  },
};

/** Runs one node on the values of its operands. */
export function evaluateNode(node: PrimitiveNode, operands: readonly Array64[]): Float64Array {
  return (KERNELS[node.op] as Kernel<PrimitiveName>)(operands, node as Node<PrimitiveName>);
}
