import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../numerics/random-stream.ts';
import { interpret } from '../engines/reference/engine.ts';
import { attend } from './attention.ts';
import { layerNorm } from './composites.ts';
import { conv2d } from './convolution.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import { avgPool, maxPool } from './pooling.ts';
import { type Shape, sizeOf } from './tensor.ts';
import { weightedSum } from './testing/cases.ts';
import type { Draw } from './testing/programs.ts';
import { trace, type Value } from './trace.ts';
import { verify } from './verify.ts';

/** Shapes of the operands and the function of them, drawn from one seed. */
interface Drawn {
  readonly shapes: readonly Shape[];
  build(inputs: readonly [Value, Value, Value]): Value;
}

/** A shape that broadcasts to `shape`: some axes have size 1, some leading axes are missing. */
function broadcastOf(shape: Shape, draw: Draw): number[] {
  return shape.map(size => (draw(0, 2) === 0 ? 1 : size)).slice(draw(0, shape.length));
}

const shapeOf = (draw: Draw, low: number, high: number): number[] =>
  Array.from({ length: draw(low, high) }, () => draw(1, 4));

const PROPERTIES: Readonly<Record<string, (draw: Draw) => Drawn>> = {
  broadcasting(draw) {
    const full = shapeOf(draw, 1, 4);
    const shapes = [full, broadcastOf(full, draw), broadcastOf(full, draw)];
    return { shapes, build: ([x, y, z]) => f.sub(f.mul(f.add(y, z), x), f.select(f.less(y, z), f.sin(y), z)) };
  },
  reductions(draw) {
    const shape = shapeOf(draw, 1, 4);
    const axes = shape.map((_, axis) => axis).filter(() => draw(0, 1) === 0);
    return { shapes: [shape], build: ([x]) => f.mul(f.reduceSum(f.mul(x, x), axes), f.reduceMax(x, axes)) };
  },
  products(draw) {
    const [leading, m, k, n] = [shapeOf(draw, 0, 2), draw(1, 4), draw(1, 4), draw(1, 4)];
    const [transposeA, transposeB] = [draw(0, 1) === 0, draw(0, 1) === 0];
    const shapes = [
      [...leading, ...(transposeA ? [k, m] : [m, k])],
      [...leading, ...(transposeB ? [n, k] : [k, n])],
    ];
    return { shapes, build: ([a, b]) => f.matmul(a, b, { transposeA, transposeB }) };
  },
  movements(draw) {
    const shape = [draw(2, 5), draw(1, 4), draw(1, 4)];
    const start = draw(0, 1);
    return {
      shapes: [shape],
      build: ([x]) => {
        const turned = f.transpose(f.slice(x, 0, start, shape[0] ?? 0), [2, 0, 1]);
        const joined = f.concat([turned, f.mul(turned, 2)], draw(0, 2));
        return f.softmax(f.pad(joined, [draw(0, 2), 0, 1], [0, draw(0, 2), 0]), draw(0, 2));
      },
    };
  },
  indices(draw) {
    const shape = [draw(1, 4), draw(1, 4), draw(1, 4)];
    const axis = draw(0, 2);
    const size = shape[axis] ?? 1;
    const indices = Array.from({ length: draw(1, 6) }, () => draw(0, size - 1));
    return {
      shapes: [shape],
      build: ([x]) => {
        const at = x.builder.constant(indices, [indices.length], 'i32');
        return f.scatterAdd(f.sin(x), at, f.mul(f.gather(x, at, axis), 3), axis);
      },
    };
  },
  convolutions(draw) {
    const [groups, perGroup] = [draw(1, 3), draw(1, 2)];
    const shapes = [
      [draw(1, 2), groups * perGroup, draw(3, 6), draw(3, 6)],
      [groups * draw(1, 2), perGroup, draw(1, 3), draw(1, 3)],
    ];
    const pair = (low: number, high: number) => [draw(low, high), draw(low, high)] as const;
    const options = { groups, stride: pair(1, 3), padding: pair(2, 3), dilation: pair(1, 2) };
    return { shapes, build: ([x, weight]) => conv2d(x, weight, options) };
  },
  pooling(draw) {
    const kernel = [draw(1, 3), draw(1, 3)] as const;
    const padding = [draw(0, kernel[0] - 1), draw(0, kernel[1] - 1)] as const;
    const options = { kernel, padding, stride: [draw(1, 3), draw(1, 3)] as const };
    const countPadding = draw(0, 1) === 0;
    return {
      shapes: [[draw(1, 2), draw(1, 2), draw(3, 6), draw(3, 6)]],
      build: ([x]) => f.add(maxPool(x, options), avgPool(x, { ...options, countPadding })),
    };
  },
  'norm and attention'(draw) {
    const [leading, queries, keys, dim] = [shapeOf(draw, 0, 2), draw(1, 4), draw(1, 5), draw(2, 4)];
    const options = draw(0, 1) === 0 ? {} : { chunk: draw(1, 3) };
    return {
      shapes: [
        [...leading, queries, dim],
        [...leading, keys, dim],
        [...leading, keys, draw(1, 3)],
      ],
      build: ([query, key, value]) => attend(layerNorm(query, { eps: 0.1 }), [{ key, value }], options),
    };
  },
};

describe('gradients over random shapes', () => {
  const seeds = Array.from({ length: 25 }, (_, seed) => seed);

  it.each(Object.entries(PROPERTIES))('gradients of %s agree with differences along a random direction', (_, draw) => {
    for (const seed of seeds) {
      const random = new RandomStream(seed, 'sample');
      const { shapes, build } = draw((low, high) => low + random.below(high - low + 1));
      const graph = trace(builder => {
        const inputs = shapes.map((shape, i) => builder.input(`x${i}`, { shape, dtype: 'f32' }));
        const [x, y = x, z = x] = inputs;
        if (!x || !y || !z) throw new Error('no operands were drawn');
        const loss = weightedSum(build([x, y, z]));
        const gradients = grad(loss, inputs).map((gradient, i) => [`g${i}`, gradient] as const);
        return { outputs: { loss, ...Object.fromEntries(gradients) } };
      });
      verify(graph);
      const normals = (shape: Shape) => Float64Array.from({ length: sizeOf(shape) }, () => random.normal());
      const point = shapes.map(normals);
      const direction = shapes.map(normals);
      const evaluate = (step: number) => {
        const feeds = shapes.map((shape, i) => {
          const data = point[i]?.map((x, k) => x + step * (direction[i]?.[k] ?? 0)) ?? new Float64Array();
          return [`x${i}`, { shape, data }] as const;
        });
        return interpret(graph, Object.fromEntries(feeds)).outputs;
      };
      const here = evaluate(0);
      const slope = shapes.reduce(
        (sum, __, i) => direction[i]?.reduce((s, d, k) => s + d * (here[`g${i}`]?.data[k] ?? Number.NaN), sum) ?? sum,
        0,
      );
      const step = 1e-6;
      const lossAt = (at: number) => evaluate(at).loss?.data[0] ?? Number.NaN;
      const numeric = (lossAt(step) - lossAt(-step)) / (2 * step);
      const shown = `seed ${seed}, shapes ${JSON.stringify(shapes)}`;
      expect(Math.abs(slope - numeric) / (1 + Math.abs(numeric)), shown).toBeLessThan(1e-6);
    }
  });
});
