import { describe, expect, it } from 'vitest';
import { interpret } from '../engines/reference/engine.ts';
import { attend, biasOf, chunkFor } from './attention.ts';
import { conv2d } from './convolution.ts';
import * as f from './functions.ts';
import { avgPool, maxPool } from './pooling.ts';
import { sizeOf } from './tensor.ts';
import { randomValues } from './testing/random.ts';
import { type Builder, trace, type Value } from './trace.ts';

const input = (builder: Builder, name: string, ...shape: number[]) => builder.input(name, { shape, dtype: 'f32' });

function evaluate(
  shapes: Readonly<Record<string, number[]>>,
  build: (values: Record<string, Value>) => Value,
): number[] {
  const graph = trace(builder => {
    const values = Object.entries(shapes).map(([name, shape]) => [name, input(builder, name, ...shape)] as const);
    return { outputs: { y: build(Object.fromEntries(values)) } };
  });
  const feeds = Object.entries(shapes).map(([name, shape], i) => {
    const data = Float64Array.from(randomValues(sizeOf(shape), i + 1));
    return [name, { shape, data }] as const;
  });
  return [...(interpret(graph, Object.fromEntries(feeds)).outputs.y?.data ?? [])];
}

describe('attend', () => {
  const shapes = { query: [2, 3, 4], key: [2, 7, 4], value: [2, 7, 5], mask: [2, 1, 7] };
  const attention = (chunk?: number) =>
    evaluate(shapes, ({ query, key, value, mask }) => {
      if (!query || !key || !value || !mask) throw new Error('an input is missing');
      const bias = biasOf(f.less(mask, 0));
      return attend(query, [{ key, value, bias }], chunk === undefined ? {} : { chunk });
    });

  it.each([1, 2, 3, 7, 100])('attention in chunks of %d keys equals attention over all keys at once', chunk => {
    expect(attention(chunk)).toEqual(attention().map(x => expect.closeTo(x, 12)));
  });

  it.each([
    [4, 6, true],
    [3, 5, true],
    [3, 5, false],
    [1, 1, false],
  ])('attention of %d queries to %d keys as one operation is the same (with a bias: %s)', (queries, keys, hasBias) => {
    const sizes = { query: [2, 3, queries, 8], key: [2, 3, keys, 8], value: [2, 3, keys, 8], mask: [2, 1, 1, keys] };
    const [fused, whole] = [true, false].map(isFused =>
      evaluate(sizes, ({ query, key, value, mask }) => {
        if (!query || !key || !value || !mask) throw new Error('an input is missing');
        const group = { key, value, ...(hasBias && { bias: biasOf(f.less(mask, 0.5)) }) };
        const groups = [
          group,
          { key: value, value: key },
          { key: f.slice(key, 2, 0, 1), value: f.slice(key, 2, 0, 1) },
        ];
        const every = f.reshape(f.slice(f.reshape(mask, [-1]), 0, 0, 1), [1, 1]);
        const mixed = attend(query, groups, { fused: isFused, ...(hasBias && { bias: every }) });
        expect(mixed.shape).toEqual(query.shape);
        return mixed;
      }),
    );
    expect(fused).toEqual(whole?.map(x => expect.closeTo(x, 10)));
  });

  it.each([undefined, 2])('attention with all keys hidden returns a finite mix of values (chunk %s)', chunk => {
    const options = chunk === undefined ? {} : { chunk };
    const mixed = evaluate({ query: [1, 4], key: [5, 4], value: [5, 2] }, ({ query, key, value }) => {
      if (!query || !key || !value) throw new Error('an input is missing');
      const bias = biasOf(f.less(key.builder.constant([1], [1, 5]), 0));
      return f.sub(attend(query, [{ key, value, bias }], options), attend(query, [{ key, value }]));
    });
    expect(mixed).toEqual([0, 0].map(x => expect.closeTo(x, 6)));
  });
});

describe('chunkFor', () => {
  it('needs no chunks for small attention', () => {
    expect(chunkFor({ batch: 64, heads: 3, queries: 64, keys: 161 })).toBeUndefined();
    expect(chunkFor({ batch: 1, heads: 1, queries: 10, keys: 10 }, 400)).toBeUndefined();
  });

  it('cuts large attention into even chunks within the budget', () => {
    const size = { batch: 1, heads: 12, queries: 4096, keys: 4742 };
    const chunk = chunkFor(size) ?? 0;
    expect(chunk).toBe(640);
    expect(4 * size.heads * size.queries * chunk).toBeLessThanOrEqual(128 * 2 ** 20);
    expect(chunkFor(size, 256 * 2 ** 20)).toBe(1280);
    expect(chunkFor({ ...size, keys: 1500 }, 256 * 2 ** 20)).toBe(768);
  });

  it('makes no chunk of less than 128 keys, even for a tiny budget', () => {
    expect(chunkFor({ batch: 1, heads: 1, queries: 1000, keys: 500 }, 1)).toBe(128);
    expect(chunkFor({ batch: 1, heads: 1, queries: 1000, keys: 128 }, 1)).toBeUndefined();
  });
});

describe('errors', () => {
  const build = (make: (builder: Builder) => Value) => () => trace(builder => ({ outputs: { y: make(builder) } }));

  it('an error names shapes, the reason, and the origin in the model', () => {
    expect(
      build(builder =>
        builder.scope('block 3', () =>
          builder.scope('mlp', () => conv2d(input(builder, 'x', 1, 3, 8, 8), input(builder, 'w', 4, 2, 3, 3))),
        ),
      ),
    ).toThrow(
      'conv2d(f32[1, 3, 8, 8], f32[4, 2, 3, 3]) in block 3 / mlp: ' +
        'cannot convolve f32[1, 3, 8, 8] with f32[4, 2, 3, 3] in 1 groups: 2 channels are needed',
    );
  });

  it.each<[string, (builder: Builder) => Value]>([
    ['the kernel is larger', b => conv2d(input(b, 'x', 1, 1, 2, 9), input(b, 'w', 1, 1, 3, 3))],
    ['fall into equal groups', b => conv2d(input(b, 'x', 1, 2, 4, 4), input(b, 'w', 3, 1, 3, 3), { groups: 2 })],
    ['whole numbers from 1', b => conv2d(input(b, 'x', 1, 1, 4, 4), input(b, 'w', 1, 1, 3, 3), { stride: 0 })],
    ['four axes', b => conv2d(input(b, 'x', 1, 4, 4), input(b, 'w', 1, 1, 3, 3))],
    ['cannot pool f32[1, 1, 2, 2]', b => maxPool(input(b, 'x', 1, 1, 2, 2), { kernel: 3 })],
    ['cannot pool', b => avgPool(input(b, 'x', 1, 1, 4, 4), { kernel: 2, padding: 2 })],
    ['expected indices i32[n], got f32[2]', b => f.gather(input(b, 'x', 3), input(b, 'i', 2), 0)],
    [
      'expected updates of [2, 4]',
      b => f.scatterAdd(input(b, 'x', 3, 4), b.constant([0, 1], [2], 'i32'), input(b, 'u', 2, 5), 0),
    ],
  ])('an invalid operation throws an error that contains "%s"', (message, make) => {
    expect(build(make)).toThrow(message);
  });

  it('refuses an index out of range when the graph runs', () => {
    const gather = (index: number) =>
      evaluate({ x: [3, 2] }, ({ x }) => {
        if (!x) throw new Error('an input is missing');
        return f.gather(x, x.builder.constant([index], [1], 'i32'), 0);
      });
    expect(() => gather(3)).toThrow('index 3 is out of range for axis 0 of size 3');
    expect(() => gather(-1)).toThrow('index -1 is out of range');
    expect(gather(2)).toHaveLength(2);
  });
});
