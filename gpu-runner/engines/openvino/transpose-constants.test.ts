import { expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { transposeConstants } from './transpose-constants.ts';

it('products stay the same, and no product transposes a literal', async () => {
  const graph = trace(builder => {
    const x = builder.input('x', { shape: [2, 2, 3], dtype: 'f32' });
    const c = builder.constant([...Array(18).keys()], [2, 3, 3]);
    const wide = builder.constant([...Array(24).keys()], [2, 4, 3]);
    const both = f.add(f.matmul(x, c), f.matmul(x, f.cast(f.cast(c, 'bf16'), 'f32'), { transposeB: true }));
    const left = f.matmul(builder.constant([2], [2, 2, 5]), x, { transposeA: true });
    return {
      outputs: {
        both,
        wide: f.matmul(x, wide, { transposeB: true }),
        left,
        gram: f.matmul(x, x, { transposeB: true }),
      },
    };
  });
  const turned = transposeConstants(graph);
  const flags = turned.nodes.flatMap(node =>
    node.op === 'matmul' ? [node.attrs.transposeA || node.attrs.transposeB] : [],
  );
  expect(flags.filter(Boolean).length).toBe(1);
  const engine = createReferenceEngine();
  const x = tensorOf([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]);
  const [expected, actual] = await Promise.all(
    [graph, turned].map(async each => (await engine.compile(each)).run(engine.createState({}), { x })),
  );
  expect(actual).toEqual(expected);
});
