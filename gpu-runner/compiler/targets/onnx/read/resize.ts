/** @file Resize and Upsample: nearest or linear, one axis after the other. */
import * as graph from '../../../functions.ts';
import { GraphError } from '../../../shapes.ts';
import type { Value } from '../../../trace.ts';
import type { OperatorRule } from './elementwise.ts';
import { take } from './held.ts';
import { checkPlaces } from './limits.ts';
import type { NodeReader } from './node-reader.ts';

const PLACES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn',
] as const;
type Places = (typeof PLACES)[number];

interface Axis {
  readonly axis: number;
  readonly size: number;
  readonly target: number;
  readonly scale: number;
}

/** The place in the picture of cell i of the result, in cells. */
function placeOf(places: Places, i: number, { size, target, scale }: Axis): number {
  switch (places) {
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric':
      return (size / 2) * (1 - target / (scale * size)) + (i + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return target > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return target > 1 ? (i * (size - 1)) / (target - 1) : 0;
    case 'asymmetric':
      return i / scale;
    case 'tf_half_pixel_for_nn':
      return (i + 0.5) / scale;
  }
}

const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
const ROUND: Readonly<Record<(typeof ROUNDINGS)[number], (x: number) => number>> = {
  round_prefer_floor: x => Math.ceil(x - 0.5),
  round_prefer_ceil: x => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The axes that change, with the scales as the model states them, or as the sizes give them. */
function axesOf(node: NodeReader, shape: readonly number[]): Axis[] {
  const isEmpty = (index: number) => node.optional(index)?.shape[0] === 0;
  const at = node.node.type === 'Resize' && node.opset >= 11 ? 2 : 1;
  const scales =
    node.optional(at) && !isEmpty(at) ? node.numbers(at) : node.node.type === 'Upsample' ? node.floats('scales') : [];
  const sizes = at === 2 && node.optional(3) && !isEmpty(3) ? node.numbers(3) : [];
  const axes = node.ints('axes') ?? shape.map((_, axis) => axis);
  return axes.flatMap((given, i) => {
    const axis = node.axis(given, shape.length);
    const size = shape[axis] ?? 0;
    const target = sizes[i] ?? Math.floor(size * (scales?.[i] ?? 1));
    if (target < 1) throw new GraphError(`axis ${axis} has no cell left`);
    return target === size ? [] : [{ axis, size, target, scale: scales?.[i] ?? target / size }];
  });
}

const resize: OperatorRule = node => {
  const isOld = node.node.type === 'Upsample' || node.opset < 11;
  const mode = node.word('mode', ['nearest', 'linear', 'bilinear']);
  const places = isOld ? 'asymmetric' : node.word('coordinate_transformation_mode', PLACES);
  const rounding = isOld ? 'floor' : node.word('nearest_mode', ROUNDINGS);
  node.word('keep_aspect_ratio_policy', ['stretch']);
  if (node.int('antialias', 0) !== 0) throw new GraphError('antialias is not supported');
  node.ignore('cubic_coeff_a', 'exclude_outside', 'extrapolation_value');
  const x = node.value(0);
  return axesOf(node, x.shape).reduce<Value>((part, axis) => {
    const wanted = Array.from({ length: checkPlaces(axis.target) }, (_, i) => placeOf(places, i, axis));
    const inside = (place: number) => Math.min(axis.size - 1, Math.max(0, place));
    const at = (indices: readonly number[]) => node.lift(take(part, axis.axis, indices.map(inside)));
    if (mode === 'nearest') return at(wanted.map(ROUND[rounding]));
    const low = wanted.map(Math.floor);
    const column = part.shape.map((_, other) => (other === axis.axis ? axis.target : 1));
    const share = part.builder.constant(
      wanted.map((place, i) => Math.fround(place - (low[i] ?? 0))),
      column,
      part.dtype,
    );
    const [a, b] = [at(low), at(low.map(index => index + 1))];
    return graph.add(a, graph.mul(graph.sub(b, a), share));
  }, x);
};

export const RESIZE: Readonly<Record<string, OperatorRule>> = { Resize: resize, Upsample: resize };
