/** @file Operators that move elements and compute none, and those that describe shapes. */
import { GraphError, normalizeAxes } from '../../../shapes.ts';
import { type Shape, sizeOf } from '../../../tensor.ts';
import type { OperatorRule } from './elementwise.ts';
import { broadcast, concat, type Held, reshape, take, transpose } from './held.ts';
import { Known, knownInts } from './known.ts';
import { checkPlaces } from './limits.ts';
import type { NodeReader } from './node-reader.ts';

const flattenFrom = (shape: Shape, axis: number): Shape => [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];

/** 0 keeps a size, -1 takes what is left. */
function targetShape(from: Shape, wanted: readonly number[]): Shape {
  const kept = wanted.map((size, axis) => (size === 0 ? (from[axis] ?? 0) : size));
  const known = kept.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return kept.map(size => (size === -1 ? sizeOf(from) / known : size));
}

function squeeze(node: NodeReader): Held {
  const x = node.held(0);
  const rank = x.shape.length;
  const given = node.numbersOr(1, 'axes') ?? x.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  const axes = new Set(normalizeAxes(given, rank));
  if ([...axes].some(axis => x.shape[axis] !== 1)) {
    throw new GraphError(`[${x.shape.join(', ')}] has more than one element along axis ${[...axes].join(', ')}`);
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !axes.has(axis)),
  );
}

function unsqueeze(node: NodeReader): Held {
  const x = node.held(0);
  const given = node.numbersOr(1, 'axes') ?? [];
  const rank = x.shape.length + given.length;
  const axes = new Set(normalizeAxes(given, rank));
  const sizes = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (sizes.shift() ?? 1))),
  );
}

/** Places of start, start + step ... before end, both counted from the end if negative, and cut to the axis. */
function placesOf(size: number, start: number, end: number, step: number): number[] {
  if (step === 0) throw new GraphError('the step of a slice is 0');
  const from = (place: number) => (place < 0 ? place + size : place);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const first = Math.min(Math.max(from(start), step > 0 ? 0 : -1), high);
  const last = Math.min(Math.max(from(end), low), high);
  const count = checkPlaces(Math.max(0, Math.ceil((last - first) / step)));
  return Array.from({ length: count }, (_, i) => first + i * step);
}

function slice(node: NodeReader): Held {
  const x = node.held(0);
  const starts = node.numbersOr(1, 'starts') ?? [];
  const ends = node.numbersOr(2, 'ends') ?? [];
  const axes = node.numbersOr(3, 'axes') ?? starts.map((_, axis) => axis);
  const steps = node.optional(4) ? node.numbers(4) : starts.map(() => 1);
  return axes.reduce<Held>((part, given, i) => {
    const axis = node.axis(given, x.shape.length);
    return take(part, axis, placesOf(x.shape[axis] ?? 0, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 1));
  }, x);
}

function gather(node: NodeReader): Held {
  const x = node.held(0);
  const axis = node.axis(node.int('axis', 0), x.shape.length);
  const size = x.shape[axis] ?? 0;
  const { shape: places } = node.known(1);
  const indices = node.numbers(1).map(index => (index < 0 ? index + size : index));
  return reshape(take(x, axis, indices), [...x.shape.slice(0, axis), ...places, ...x.shape.slice(axis + 1)]);
}

function split(node: NodeReader): readonly Held[] {
  const x = node.held(0);
  const axis = node.axis(node.int('axis', 0), x.shape.length);
  const size = x.shape[axis] ?? 0;
  const parts = checkPlaces(node.int('num_outputs', node.node.outputs.length));
  const each = Math.ceil(size / parts);
  const sizes = node.numbersOr(1, 'split') ?? Array.from({ length: parts }, (_, i) => Math.min(each, size - i * each));
  if (sizes.reduce((sum, part) => sum + part, 0) !== size) {
    throw new GraphError(`parts of ${sizes.join(', ')} do not fill axis ${axis} of [${x.shape.join(', ')}]`);
  }
  let start = 0;
  return sizes.map(length => {
    const indices = Array.from({ length: checkPlaces(length) }, (_, i) => start + i);
    start += length;
    return take(x, axis, indices);
  });
}

function tile(node: NodeReader): Held {
  return node.numbers(1).reduce<Held>((x, times, axis) => {
    const size = x.shape[axis] ?? 0;
    return take(
      x,
      axis,
      Array.from({ length: checkPlaces(size * times) }, (_, i) => i % size),
    );
  }, node.held(0));
}

function shapeOf(node: NodeReader): Known {
  const { shape } = node.held(0);
  return knownInts(shape.slice(node.int('start', 0), node.int('end', shape.length)));
}

function constant(node: NodeReader): Known {
  const tensor = node.tensor('value');
  if (tensor) return tensor;
  const [float, floats, ints] = [node.float('value_float'), node.floats('value_floats'), node.ints('value_ints')];
  if (float !== undefined) return new Known('f32', [], Float32Array.of(float));
  if (floats) return new Known('f32', [floats.length], Float32Array.from(floats));
  return ints ? knownInts(ints) : new Known('i64', [], Float64Array.of(node.int('value_int', 0)));
}

function range(node: NodeReader): Known {
  const { type } = node.known(0);
  const [start = 0, end = 0, step = 1] = [0, 1, 2].map(i => node.numbers(i)[0]);
  const count = checkPlaces(Math.max(0, Math.ceil((end - start) / step)));
  const values = Array.from({ length: count }, (_, i) => start + i * step);
  return new Known(type, [values.length], type === 'f32' ? Float32Array.from(values) : Float64Array.from(values));
}

function constantOfShape(node: NodeReader): Held {
  const value = node.tensor('value') ?? new Known('f32', [1], Float32Array.of(0));
  const shape = node.numbers(0);
  return broadcast(
    reshape(
      value,
      shape.map(() => 1),
    ),
    shape,
  );
}

/** Blocks of side x side cells become channels, or channels become blocks. */
function blocks(node: NodeReader, toDepth: boolean): Held {
  const side = node.int('blocksize', 1);
  const x = node.held(0);
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  if (toDepth) {
    const cells = reshape(x, [batch, channels, rows / side, side, columns / side, side]);
    return reshape(transpose(cells, [0, 3, 5, 1, 2, 4]), [batch, channels * side * side, rows / side, columns / side]);
  }
  const depth = channels / (side * side);
  const turned =
    node.word('mode', ['DCR', 'CRD']) === 'DCR'
      ? transpose(reshape(x, [batch, side, side, depth, rows, columns]), [0, 3, 4, 1, 5, 2])
      : transpose(reshape(x, [batch, depth, side, side, rows, columns]), [0, 1, 4, 2, 5, 3]);
  return reshape(turned, [batch, depth, rows * side, columns * side]);
}

const same: OperatorRule = node => node.held(0);

export const MOVEMENT: Readonly<Record<string, OperatorRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Identity: same,
  Dropout(node) {
    node.ignore('ratio', 'seed');
    return node.held(0);
  },
  Shape: shapeOf,
  Size: node => new Known('i64', [], Float64Array.of(sizeOf(node.held(0).shape))),
  Range: range,
  Reshape(node) {
    const x = node.held(0);
    if (node.int('allowzero', 0) !== 0) throw new GraphError('a size of 0 is not supported');
    return reshape(x, targetShape(x.shape, node.numbersOr(1, 'shape') ?? []));
  },
  Flatten(node) {
    const x = node.held(0);
    const axis = node.int('axis', 1);
    return reshape(x, flattenFrom(x.shape, axis < 0 ? axis + x.shape.length : axis));
  },
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose(node) {
    const x = node.held(0);
    return transpose(x, node.ints('perm') ?? x.shape.map((_, axis) => axis).reverse());
  },
  Slice: slice,
  Gather: gather,
  Split: split,
  Concat(node) {
    const { operands } = node;
    const axis = node.axis(node.int('axis', 0), operands[0]?.shape.length ?? 0);
    return concat(operands, axis, part => node.lift(part));
  },
  Expand: node => broadcast(node.held(0), node.numbers(1)),
  Tile: tile,
  DepthToSpace: node => blocks(node, false),
  SpaceToDepth: node => blocks(node, true),
};
