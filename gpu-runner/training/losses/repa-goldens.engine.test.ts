/** @file The loss `repa` beside PyTorch: a file of tools/make-repa-goldens.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import { sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import { type Tensor, tensorOf } from '../../compiler/tensor.ts';
import { trace, type Value } from '../../compiler/trace.ts';
import { differenceFrom, GOLDEN_ENGINES, GOLDEN_TOLERANCE, golden, runGraph } from '../../engines/testing/goldens.ts';
import { PARAM_PREFIX, Params } from '../../model/params.ts';
import { tinyConfig } from '../testing/tiny.ts';
import type { LossParts } from './loss-term.ts';
import { openLosses } from './losses.ts';

/** 2 x 4 tokens of pictures of 8 x 16 pixels. */
const KEPT = [5, 0, 3, 1, 2, 7];
const CASES = [
  ['finer', { column: { encoder: 'dct', dim: 3, stride: 2 }, adapter_width: 5 }],
  ['coarser', { column: { encoder: 'dct', dim: 3, stride: 8 }, adapter: 'linear', loss_type: 'mse' }],
  ['teacher', { column: { encoder: 'dct', dim: 3, stride: 2 }, adapter_width: 5, grid: 'teacher' }],
  ['routed', { column: { encoder: 'dct', dim: 3, stride: 4 }, adapter_width: 5 }],
] as const;

function readCase(name: string): Record<string, Tensor> {
  const { tensors } = decodeSafetensors(readFileSync(new URL('./testdata/repa.safetensors', import.meta.url)));
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([key, { shape, data }]) =>
      key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), tensorOf(shape, [...data])] as const] : [],
    ),
  );
}

describe.each(CASES)('repa, case %s', (name, options) => {
  const goldens = readCase(name);

  it.each(GOLDEN_ENGINES)('loss and gradients are those of PyTorch on %s', async (_, open) => {
    const losses = { repa: { weight: 1, block_index: 0, ...options } };
    const config = tinyConfig({ model: { depth: 1, conditions: {} }, objective: { losses } });
    const repa = openLosses(config).find(term => term.name === 'repa');
    const graph = trace(builder => {
      const input = (key: string): Value => builder.input(key, { ...golden(goldens, key) });
      const [params, tokens] = [new Params(builder), input('tokens')];
      const never = (): never => {
        throw new Error('repa needs nothing else');
      };
      const picture = builder.constant([0], [2, 3, 8, 16]);
      const parts: LossParts = {
        prediction: picture,
        x0: picture,
        noise: picture,
        z: picture,
        t: builder.constant([0.5], [2]),
        conditions: {},
        tap: () => tokens,
        routeOf: () => (name === 'routed' ? builder.constant(KEPT, [2, 3], 'i32') : undefined),
        averaged: never,
        frozen: never,
        column: () => ({ value: input('teacher'), present: builder.constant([1], [2]) }),
      };
      const loss = repa?.apply(params, parts) ?? never();
      const weights = params.specs.map(spec => builder.state(`${PARAM_PREFIX}${spec.name}`, { ...spec, dtype: 'f32' }));
      const names = ['tokens', ...params.specs.map(spec => spec.name.replace('repa.', ''))];
      const gradients = grad(sumAll(loss), [tokens, ...weights]).map((g, i) => [`grad.${names[i]}`, g] as const);
      return { outputs: { loss, ...Object.fromEntries(gradients) } };
    });
    const isWeight = (key: string) => !['tokens', 'teacher', 'loss'].includes(key) && !key.startsWith('grad.');
    const weights = Object.entries(goldens).flatMap(([key, tensor]) =>
      isWeight(key) ? [[`${PARAM_PREFIX}repa.${key}`, tensor] as const] : [],
    );
    const feeds = { tokens: golden(goldens, 'tokens'), teacher: golden(goldens, 'teacher') };
    const { outputs } = await runGraph(open, graph, feeds, Object.fromEntries(weights));
    expect(Object.keys(outputs).sort()).toEqual(
      Object.keys(goldens)
        .filter(key => key === 'loss' || key.startsWith('grad.'))
        .sort(),
    );
    for (const [key, output] of Object.entries(outputs)) {
      expect(differenceFrom(output, golden(goldens, key)), key).toBeLessThan(GOLDEN_TOLERANCE);
    }
  });
});
