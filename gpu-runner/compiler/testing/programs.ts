/** @file Random programs of operations over values of odd shapes. They may reuse values and ignore inputs. */
import { gelu, geluErf, silu } from '../composites.ts';
import * as f from '../functions.ts';
import { rotate } from '../rotary.ts';
import { type Shape, sizeOf } from '../tensor.ts';
import type { Value } from '../trace.ts';

/** Draws a whole number in low ... high. */
export type Draw = (low: number, high: number) => number;

/** Values larger than this are summed over their longest axis. */
const MOST_ELEMENTS = 48;

/** One step makes a value of any shape from earlier values; x and y may be the same. */
type Step = (x: Value, y: Value, draw: Draw) => Value;

const axisOf = (x: Value, draw: Draw) => draw(0, x.shape.length - 1);

/** Each step keeps its arguments where the function is smooth and its values are moderate. */
const STEPS: readonly Step[] = [
  f.neg,
  x => f.exp(f.tanh(x)),
  x => f.log(f.add(f.square(x), 1)),
  x => f.sqrt(f.add(f.square(x), 0.5)),
  x => f.reciprocal(f.add(f.square(x), 1)),
  f.tanh,
  f.sigmoid,
  f.erf,
  f.sin,
  f.cos,
  f.abs,
  (x, y) => meet(f.add, x, y),
  (x, y) => meet(f.sub, x, y),
  (x, y) => f.tanh(meet(f.mul, x, y)),
  (x, y) => meet((a, b) => f.div(a, f.add(f.square(b), 1)), x, y),
  (x, y) => meet(f.max, x, y),
  (x, y) => meet(f.min, x, y),
  (x, y) => meet((a, b) => f.select(f.not(f.and(f.less(a, b), f.less(0, b))), f.mul(a, 2), b), x, y),
  (x, y) => meet((a, b) => f.add(f.cast(f.equal(a, b), 'f32'), a), x, y),
  (x, _, draw) => f.tanh(f.reduceSum(x, [axisOf(x, draw)])),
  (x, _, draw) => f.reduceMax(x, [axisOf(x, draw)]),
  (x, _, draw) => f.softmax(x, axisOf(x, draw)),
  x => {
    const rows = f.reshape(x, [-1, x.shape.at(-1) ?? 1]);
    return f.tanh(f.matmul(rows, f.sin(rows), { transposeB: true }));
  },
  x => f.reshape(x, [-1, 1]),
  x => f.transpose(x, [...x.shape.keys()].reverse()),
  (x, _, draw) => f.broadcast(x, [draw(1, 3), ...x.shape]),
  (x, _, draw) => {
    const axis = axisOf(x, draw);
    const size = x.shape[axis] ?? 1;
    const start = draw(0, size - 1);
    return f.slice(x, axis, start, draw(start + 1, size));
  },
  (x, _, draw) =>
    f.pad(
      x,
      x.shape.map(() => draw(0, 1)),
      x.shape.map(() => draw(0, 1)),
    ),
  (x, _, draw) => f.concat([x, f.neg(x), x], axisOf(x, draw)),
  (x, _, draw) => {
    const [indices, axis] = drawIndices(x, draw);
    return f.gather(x, indices, axis);
  },
  (x, _, draw) => {
    const [indices, axis] = drawIndices(x, draw);
    return f.scatterAdd(x, indices, f.sin(f.gather(x, indices, axis)), axis);
  },
  silu,
  gelu,
  geluErf,
  (x, y) => {
    const pairs = f.concat([x, f.sin(x)], x.shape.length - 1);
    const angle = f.sin(f.sumAll(y));
    return rotate(pairs, { cos: f.cos(angle), sin: f.sin(angle) });
  },
];

/** Indices along an axis of x, with repeats, of any count. */
function drawIndices(x: Value, draw: Draw): [Value, number] {
  const axis = axisOf(x, draw);
  const values = Array.from({ length: draw(1, 3) }, () => draw(0, (x.shape[axis] ?? 1) - 1));
  return [x.builder.constant(values, [values.length], 'i32'), axis];
}

/** Applies `build` to x and y. If their shapes do not broadcast, y is replaced by the sine of its sum. */
function meet(build: (x: Value, y: Value) => Value, x: Value, y: Value): Value {
  const rank = Math.min(x.shape.length, y.shape.length);
  const fits = x.shape.slice(x.shape.length - rank).every((size, i) => {
    const other = y.shape[y.shape.length - rank + i];
    return size === other || size === 1 || other === 1;
  });
  return build(x, fits ? y : f.sin(f.sumAll(y)));
}

/** Up to four axes of sizes 1 to 4; never a scalar. */
export function drawShape(draw: Draw): Shape {
  return Array.from({ length: draw(1, 4) }, () => draw(1, 4));
}

/** Last two values of a program of `count` random steps. */
export function drawProgram(inputs: readonly Value[], count: number, draw: Draw): readonly [Value, Value] {
  const values = [...inputs];
  const pick = () => values[draw(0, values.length - 1)] as Value;
  for (let i = 0; i < count; i++) {
    const x = pick();
    const step = STEPS[draw(0, STEPS.length - 1)] as Step;
    const result = step(x.shape.length === 0 ? f.reshape(x, [1]) : x, pick(), draw);
    values.push(shrink(result));
  }
  return [values.at(-1) as Value, values.at(-2) as Value];
}

function shrink(x: Value): Value {
  if (sizeOf(x.shape) <= MOST_ELEMENTS && x.shape.length <= 5) return x;
  const longest = x.shape.indexOf(Math.max(...x.shape));
  const summed = f.tanh(f.reduceSum(x, [longest]));
  return shrink(f.reshape(summed, x.shape.toSpliced(longest, 1)));
}
