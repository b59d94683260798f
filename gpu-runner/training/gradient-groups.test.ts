import { expect, it } from 'vitest';
import { groupNorms } from './gradient-groups.ts';

it('adds up the squares of a block and of a part, and keeps projections apart', () => {
  const names = ['text.proj', 'text.null', 'text.norm', 'blocks.0.attn.q', 'blocks.0.attn.out', 'blocks.10.mlp.up'];
  expect(groupNorms([...names, 'patch.down', 'head.out', 'adaln'], [1, 6, 8, 3, 4, 5, 7, 2, 9])).toEqual({
    'grad_norm/text.proj': 1,
    'grad_norm/text': 10,
    'grad_norm/blocks.0': 5,
    'grad_norm/blocks.10': 5,
    'grad_norm/patch.down': 7,
    'grad_norm/head.out': 2,
    'grad_norm/adaln': 9,
  });
});

it('is not finite where a gradient is not', () => {
  expect(groupNorms(['a', 'b'], [Number.NaN, 1])).toEqual({ 'grad_norm/a': Number.NaN, 'grad_norm/b': 1 });
});
