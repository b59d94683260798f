import { expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { trace } from '../../compiler/trace.ts';
import { lowerForOpenVino } from './lowering.ts';
import { predictMemory } from './memory.ts';

it('a program keeps a block for its values, a tenth larger than their peak, and kernels for its nodes', () => {
  const { graph } = lowerForOpenVino(
    trace(builder => {
      const x = builder.input('x', { shape: [1000], dtype: 'f32' });
      // 4,000 bytes each: two at a time, besides feeds and results.
      const squares = f.exp(f.exp(x));
      return { outputs: {}, writes: { y: f.neg(f.exp(squares)) } };
    }),
  );
  expect(predictMemory(graph)).toEqual({ valueBytes: 8800, kernelBytes: graph.nodes.length * 65_536 });
});
