import { expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { trace } from '../../compiler/trace.ts';
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
