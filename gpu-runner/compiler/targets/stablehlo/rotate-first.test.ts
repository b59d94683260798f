import { expect, it } from 'vitest';
import { interpret } from '../../../engines/reference/engine.ts';
import { rmsNorm } from '../../composites.ts';
import * as f from '../../functions.ts';
import type { Graph } from '../../graph.ts';
import { rotate } from '../../rotary.ts';
import { sizeOf } from '../../tensor.ts';
import { randomValues } from '../../testing/random.ts';
import { type Builder, trace, type Value } from '../../trace.ts';
import { verify } from '../../verify.ts';
import { rotateFirst } from './rotate-first.ts';

const SHAPES = { x: [2, 5, 3, 4], gain: [4], angles: [5, 4], rows: [2, 3, 5, 1] } as const;

function traceRotation(build: (values: Record<keyof typeof SHAPES, Value>, builder: Builder) => Value): Graph {
  return trace(builder => {
    const input = (name: keyof typeof SHAPES) => builder.input(name, { shape: SHAPES[name], dtype: 'f32' });
    const values = { x: input('x'), gain: input('gain'), angles: input('angles'), rows: input('rows') };
    return { outputs: { y: build(values, builder) } };
  });
}

function evaluate(graph: Graph): number[] {
  const feeds = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape], i) => {
      return [name, { shape, data: Float64Array.from(randomValues(sizeOf(shape), i + 1)) }];
    }),
  );
  return [...(interpret(graph, feeds).outputs.y?.data ?? [])];
}

const turnBy = (angles: Value) => ({ cos: f.cos(angles), sin: f.sin(angles) });

/** A norm by head, as the query of an attention: [batch, heads, tokens, dim]. */
const normed = ({ x }: { x: Value }) => f.transpose(rmsNorm(x), [0, 2, 1, 3]);

it('a rotation comes before the factor of a norm, behind a gain and a transposition', () => {
  const before = traceRotation(values => rotate(normed(values), turnBy(values.angles), values.gain));
  const after = verify(rotateFirst(before));
  expect(evaluate(after)).toEqual(evaluate(before).map(y => expect.closeTo(y, 10)));
  const last = after.nodes[after.outputs.y ?? -1];
  const factors = last?.inputs.map(id => after.nodes[id]?.op);
  expect([last?.op, factors]).toEqual(['mul', ['rotate', 'transpose']]);
});

it('a rotation stays where no factor is one number per row', () => {
  const graphs = [
    traceRotation(({ x, gain, angles }) => rotate(f.transpose(f.mul(x, gain), [0, 2, 1, 3]), turnBy(angles))),
    traceRotation(({ x, rows, angles }) => rotate(f.add(f.transpose(x, [0, 2, 1, 3]), rows), turnBy(angles))),
    // The transposition makes the rows channels.
    traceRotation(({ x, rows, angles }) => {
      const scaled = f.mul(f.transpose(x, [0, 2, 1, 3]), f.mul(rows, 2));
      const channels = f.slice(f.transpose(scaled, [0, 1, 3, 2]), 3, 0, 4);
      return rotate(channels, turnBy(f.slice(angles, 0, 0, 4)));
    }),
  ];
  for (const graph of graphs) expect(rotateFirst(graph)).toEqual(graph);
});

it('a graph without rotations is returned as it is', () => {
  const graph = traceRotation(({ x }) => rmsNorm(x));
  expect(rotateFirst(graph)).toBe(graph);
});
