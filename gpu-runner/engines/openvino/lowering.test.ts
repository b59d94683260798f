import { expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { trace } from '../../compiler/trace.ts';
import { traceGradGraph } from '../../training/grad-graph.ts';
import { tinyConfig } from '../../training/testing/tiny.ts';
import { lowerForOpenVino } from './lowering.ts';

it('results are declared in the order in which they are ready', () => {
  const program = lowerForOpenVino(
    trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const first = f.exp(x);
      const second = f.exp(first);
      return { outputs: {}, writes: { third: f.exp(second), first, second } };
    }),
  );
  expect([...program.writes.keys()]).toEqual(['first', 'second', 'third']);
});

it('a sum with a state tensor counts as ready with its other operand', () => {
  const program = lowerForOpenVino(
    trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const sum = (name: string) => builder.state(name, { shape: [2], dtype: 'f32' });
      const first = f.exp(x);
      const second = f.exp(first);
      const third = f.exp(second);
      // As in a gradient that is accumulated: all sums come last, in an order of their own.
      return {
        outputs: {},
        writes: { c: f.add(sum('c'), third), a: f.add(first, sum('a')), b: f.add(sum('b'), second) },
      };
    }),
  );
  expect([...program.writes.keys()]).toEqual(['a', 'b', 'c']);
});

it('the gradient of a later micro-batch declares its results in the order of the first one', () => {
  const shape = { batch: 1, height: 8, width: 8, textTokens: 2 };
  const writesOf = (accumulate: boolean) => [
    ...lowerForOpenVino(traceGradGraph(tinyConfig(), shape, { accumulate, remat: true }).graph).writes.keys(),
  ];
  const first = writesOf(false);
  expect(first.length).toBeGreaterThan(10);
  expect(writesOf(true)).toEqual(first);
});
