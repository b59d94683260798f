import { describe, expect, it } from 'vitest';
import {
  differenceFrom,
  GOLDEN_ENGINES,
  GOLDEN_TOLERANCE,
  golden,
  readGoldens,
  runGraph,
} from '../engines/testing/goldens.ts';
import { attend, biasOf } from './attention.ts';
import * as c from './composites.ts';
import { conv2d } from './convolution.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import { avgPool, maxPool } from './pooling.ts';
import { rotate } from './rotary.ts';
import type { Tensor } from './tensor.ts';
import { trace, type Value } from './trace.ts';

/** Cases by their names in the golden file. The arguments are the inputs of the file, in order. */
const CASES: Readonly<Record<string, (...inputs: readonly [Value, Value, Value, Value]) => Value>> = {
  softmax: x => f.softmax(x, 1),
  layer_norm: x => c.layerNorm(x),
  layer_norm_affine: (x, gain, bias) => c.layerNorm(x, { gain, bias, eps: 1e-5 }),
  rms_norm: x => c.rmsNorm(x),
  rms_norm_gain: (x, gain) => c.rmsNorm(x, { gain }),
  gelu_tanh: c.gelu,
  gelu_erf: c.geluErf,
  silu: c.silu,
  swiglu: c.swiglu,
  gather: (x, indices) => f.gather(x, indices, 1),
  scatter_add: (x, updates, indices) => f.scatterAdd(x, indices, updates, 1),
  attention: (query, key, value) => attend(query, [{ key, value }]),
  attention_masked: (query, key, value, visible) => attend(query, [{ key, value, bias: biasOfKeys(visible) }]),
  rotary: (x, angles, gain) => rotate(x, { cos: f.cos(twice(angles)), sin: f.sin(twice(angles)) }, gain),
  conv2d: (x, weight) => conv2d(x, weight),
  conv2d_stride_padding: (x, weight) => conv2d(x, weight, { stride: 2, padding: 1 }),
  conv2d_groups_dilation: (x, weight) =>
    conv2d(x, weight, { stride: [1, 2], padding: [2, 1], dilation: [2, 1], groups: 2 }),
  max_pool: x => maxPool(x, { kernel: 3, stride: 2, padding: 1 }),
  avg_pool: x => avgPool(x, { kernel: 3, stride: 2, padding: 1 }),
  avg_pool_inside: x => avgPool(x, { kernel: 3, stride: 2, padding: 1, countPadding: false }),
};

/** The same goldens with attention in chunks of two keys. */
const CHUNKED: typeof CASES = {
  attention: (query, key, value) => attend(query, [{ key, value }], { chunk: 2 }),
  attention_masked: (query, key, value, visible) =>
    attend(query, [{ key, value, bias: biasOfKeys(visible) }], { chunk: 2 }),
};

function biasOfKeys(visible: Value): Value {
  const [batch = 0, keys = 0] = visible.shape;
  return biasOf(f.reshape(f.less(0, visible), [batch, 1, 1, keys]));
}

/** [tokens, pairs] -> [tokens, channels]: repeats each value for both channels of a pair. */
function twice(angles: Value): Value {
  const [tokens = 0, pairs = 0] = angles.shape;
  return f.reshape(f.broadcast(f.reshape(angles, [tokens, pairs, 1]), [tokens, pairs, 2]), [tokens, 2 * pairs]);
}

/** A graph of the result and the gradients, named as in the golden file, and its feeds. */
function traceGolden(goldens: Readonly<Record<string, Tensor>>, build: (typeof CASES)[string]) {
  const names = Object.keys(goldens).filter(name => name.startsWith('in.'));
  const graph = trace(builder => {
    const inputs = names.map(name => builder.input(name, golden(goldens, name)));
    const y = build(...(inputs as unknown as Parameters<typeof build>));
    const ct = builder.input('ct', golden(goldens, 'ct'));
    const floats = inputs.filter(input => input.dtype === 'f32');
    const gradients = grad(f.sumAll(f.mul(y, ct)), floats);
    const named = gradients.map((gradient, i) => {
      const name = names[inputs.findIndex(input => input.id === floats[i]?.id)] ?? '';
      return [name.replace('in.', 'grad.'), gradient] as const;
    });
    return { outputs: { y, ...Object.fromEntries(named) } };
  });
  const feeds = Object.fromEntries([...names, 'ct'].map(name => [name, golden(goldens, name)]));
  return { graph, feeds };
}

describe.each(GOLDEN_ENGINES)('%s', (_, open) => {
  const all = [
    ...Object.entries(CASES),
    ...Object.entries(CHUNKED).map(([name, build]) => [`${name} `, build] as const),
  ];

  it.each(all)('agrees with PyTorch on %s, forward and gradients', async (name, build) => {
    const goldens = readGoldens('composites', name.trim());
    const { graph, feeds } = traceGolden(goldens, build);
    const { outputs } = await runGraph(open, graph, feeds);
    const results = Object.keys(goldens).filter(key => key === 'y' || key.startsWith('grad.'));
    expect(Object.keys(outputs).sort()).toEqual(results.sort());
    for (const key of results) {
      expect(differenceFrom(outputs[key], golden(goldens, key)), key).toBeLessThan(GOLDEN_TOLERANCE);
    }
  });
});
