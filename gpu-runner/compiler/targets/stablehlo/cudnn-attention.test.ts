import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attend } from '../../attention.ts';
import { grad } from '../../grad.ts';
import type { Graph } from '../../graph.ts';
import { mixPrecision } from '../../passes/mixed-precision.ts';
import { remat } from '../../remat.ts';
import type { DType } from '../../tensor.ts';
import { weightedSum } from '../../testing/cases.ts';
import { trace } from '../../trace.ts';
import { verify } from '../../verify.ts';
import { backwardCall, type CudnnAttention, forwardCall } from './cudnn-attention.ts';
import { lowerToStableHlo } from './lower.ts';

/** Sizes of testdata/fmha-*.mlir, which tools/make-fused-attention-goldens.py makes. */
const GOLDEN: CudnnAttention = {
  batch: 2,
  heads: 4,
  queries: 128,
  keys: 192,
  dim: 64,
  scale: 0.125,
  dtype: 'bf16',
  mask: 'none',
};

/** The two calls of a golden, forward and backward, without the names of their results. */
function callsOf(file: string): string[] {
  const text = readFileSync(new URL(`testdata/${file}.mlir`, import.meta.url), 'utf8');
  const lines = text.split('\n').filter(line => line.includes('@__cudnn'));
  return lines.map(line => line.replace(/^\s*%\d+:\d+ = /, ''));
}

describe('custom calls of cuDNN', () => {
  const tensors = { query: '%arg0', key: '%arg1', value: '%arg2' };

  it('are those of jax without a mask, byte for byte', () => {
    const gradients = { ...tensors, stats: '%1#1', cotangent: '%arg3', output: '%2' };
    expect([forwardCall(GOLDEN, tensors).text, backwardCall(GOLDEN, gradients).text]).toEqual(
      callsOf('fmha-train-nomask'),
    );
  });

  it('are those of jax with a dense mask, byte for byte', () => {
    const masked: CudnnAttention = { ...GOLDEN, mask: 'bias' };
    const operands = { ...tensors, bias: { name: '%0', shape: [2, 1, 128, 192] } };
    const gradients = { ...operands, stats: '%2#1', cotangent: '%arg4', output: '%3' };
    expect([forwardCall(masked, operands).text, backwardCall(masked, gradients).text]).toEqual(
      callsOf('fmha-train-mask'),
    );
  });

  it('are those of jax with lengths, byte for byte', () => {
    const masked: CudnnAttention = { ...GOLDEN, mask: 'lengths' };
    const operands = { ...tensors, lengths: ['%arg3', '%arg4'] } as const;
    const gradients = { ...operands, stats: '%1#1', cotangent: '%arg5', output: '%2' };
    expect([forwardCall(masked, operands).text, backwardCall(masked, gradients).text]).toEqual(callsOf('fmha-train'));
  });
});

/** Attention with its gradients, in blocks that are computed again if asked. */
function traceAttention(
  size: { dim: number; keys: number; dtype?: DType },
  { isRematerialized = false, precision = 'bf16' as const } = {},
): Graph {
  const graph = trace(builder => {
    const input = (name: string, tokens: number) =>
      builder.input(name, { shape: [2, 3, tokens, size.dim], dtype: 'f32' });
    const [query, key, value] = [input('query', 4), input('key', size.keys), input('value', size.keys)];
    const bias = builder.input('bias', { shape: [2, 1, 1, size.keys], dtype: 'f32' });
    const build = () => attend(query, [{ key, value, bias }], { fused: true, scale: 1 });
    const y = isRematerialized ? remat(builder, build) : build();
    const gradients = grad(weightedSum(y), [query, key, value]);
    return { outputs: { y, ...Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) } };
  });
  return mixPrecision(verify(graph), precision);
}

const callsIn = (text: string) => [...text.matchAll(/@__cudnn\$(\w+)\(/g)].map(match => match[1]);

describe('attention in StableHLO', () => {
  it('is one call forward, and one for all gradients', () => {
    const { text, graph } = lowerToStableHlo(traceAttention({ dim: 8, keys: 6 }), { attention: 'cudnn' });
    expect(callsIn(text)).toEqual(['fmhaScaleBiasSoftmax', 'fmhaScaleBiasSoftmaxBackward']);
    expect(graph.nodes.filter(({ op }) => op === 'matmul')).toEqual([]);
    expect(text).toContain('tensor<2x3x4xf32>, tensor<0xui8>)');
    // The bias of keys is written for every query, once for both calls.
    expect(text.match(/broadcast_in_dim .* -> tensor<2x1x4x6xbf16>/g)).toHaveLength(1);
  });

  it('is computed again, with its statistics, in a block that is computed again', () => {
    const graph = traceAttention({ dim: 8, keys: 6 }, { isRematerialized: true });
    const { text } = lowerToStableHlo(graph, { attention: 'cudnn' });
    expect(callsIn(text)).toEqual(['fmhaScaleBiasSoftmax', 'fmhaScaleBiasSoftmax', 'fmhaScaleBiasSoftmaxBackward']);
    const [, second = ''] = text.split('\n').filter(line => line.includes('@__cudnn'));
    const [name = ''] = second.trim().split(':');
    expect(text).toContain(`reshape ${name}#1`);
  });

  it('is expanded unless cuDNN is asked for', () => {
    const { text } = lowerToStableHlo(traceAttention({ dim: 8, keys: 6 }));
    expect(callsIn(text)).toEqual([]);
    expect(text).toContain('dot_general');
  });

  it('has an even number of keys and queries: a hidden key or query is added', () => {
    const { text } = lowerToStableHlo(traceAttention({ dim: 8, keys: 5 }), { attention: 'cudnn' });
    expect(callsIn(text)).toHaveLength(2);
    expect(text).toContain('tensor<2x6x3x8xbf16>');
  });

  it('is expanded in f32, which cuDNN does not take', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2, 3, 4, 8], dtype: 'f32' });
      return { outputs: { y: attend(x, [{ key: x, value: x }], { fused: true }) } };
    });
    expect(graph.nodes.map(({ op }) => op)).toContain('attention');
    expect(callsIn(lowerToStableHlo(graph, { attention: 'cudnn' }).text)).toEqual([]);
  });

  it('does not use the operation for heads that kernels cannot take', () => {
    const ops = traceAttention({ dim: 6, keys: 6 }).nodes.map(({ op }) => op);
    expect(ops).not.toContain('attention');
    expect(ops).toContain('softmax');
  });

  it('clamps a bias that f16 cannot hold', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2, 3, 4, 8], dtype: 'f16' });
      const bias = builder.input('bias', { shape: [4], dtype: 'f32' });
      return { outputs: { y: builder.emit('attention', [x, x, x, bias], { scale: 1, mask: 'bias' }) } };
    });
    const { text } = lowerToStableHlo(graph, { attention: 'cudnn' });
    expect(text).toContain('dense<0xC7000000> : tensor<4xf32>');
    expect(text).toContain('element_type\\22: \\22F16');
    expect(text).toContain('-> tensor<1x1x4x4xf16>');
  });

  it('takes lengths of keys', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2, 3, 4, 8], dtype: 'bf16' });
      const lengths = builder.input('lengths', { shape: [2], dtype: 'i32' });
      return { outputs: { y: builder.emit('attention', [x, x, x, lengths], { scale: 1, mask: 'lengths' }) } };
    });
    const { text } = lowerToStableHlo(graph, { attention: 'cudnn' });
    expect(text).toContain('mask_type\\22: \\22PADDING');
    expect(text).toMatch(/constant dense<4> : tensor<2xi32>/);
  });
});
