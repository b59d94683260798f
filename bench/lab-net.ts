/**
 * @file The lab network, a fixed yardstick: a DiT with width 256, depth 6 and 4 heads, over 64 image tokens, with
 * cross-attention to 32 context tokens; batch 32, 8.7 M parameters. It does not use the product's model, so that
 * changes of the model do not change it.
 */
import { gelu, linear, silu } from '../gpu-runner/compiler/composites.ts';
import * as f from '../gpu-runner/compiler/functions.ts';
import { grad } from '../gpu-runner/compiler/grad.ts';
import type { Graph } from '../gpu-runner/compiler/graph.ts';
import { remat } from '../gpu-runner/compiler/remat.ts';
import { trace, type Value } from '../gpu-runner/compiler/trace.ts';
import { Params } from '../gpu-runner/model/params.ts';

const HIDDEN = 256;
const DEPTH = 6;
const HEADS = 4;
const TOKENS = 64;
const CONTEXT = 32;
const BATCH = 32;
const PATCH_DIM = 48;

function attention(params: Params, name: string, x: Value, context: Value): Value {
  const headDim = HIDDEN / HEADS;
  const project = (part: string, input: Value) => {
    const projected = linear(input, params.weight(`${name}.${part}`, HIDDEN, HIDDEN));
    return f.transpose(f.reshape(projected, [BATCH, -1, HEADS, headDim]), [0, 2, 1, 3]);
  };
  const query = f.mul(project('q', x), 1 / Math.sqrt(headDim));
  const weights = f.softmax(f.matmul(query, project('k', context), { transposeB: true }));
  const mixed = f.transpose(f.matmul(weights, project('v', context)), [0, 2, 1, 3]);
  return linear(f.reshape(mixed, [BATCH, TOKENS, HIDDEN]), params.weight(`${name}.out`, HIDDEN, HIDDEN));
}

/** Layer norm without gain and bias, then x(1 + scale) + shift. */
function modulatedNorm(x: Value, shift: Value, scale: Value): Value {
  const centred = f.sub(x, f.reduceMean(x, [-1]));
  const normal = f.mul(centred, f.reciprocal(f.sqrt(f.add(f.reduceMean(f.mul(centred, centred), [-1]), 1e-6))));
  return f.add(f.mul(normal, f.add(scale, 1)), shift);
}

function block(params: Params, name: string, x: Value, context: Value, conditioning: Value): Value {
  const packed = linear(conditioning, params.weight(`${name}.adaln`, HIDDEN, 6 * HIDDEN));
  const part = (index: number) =>
    f.reshape(f.slice(packed, 1, index * HIDDEN, (index + 1) * HIDDEN), [BATCH, 1, HIDDEN]);
  const first = modulatedNorm(x, part(0), part(1));
  const y = f.add(x, attention(params, `${name}.self`, first, first));
  const z = f.add(y, attention(params, `${name}.cross`, modulatedNorm(y, part(2), part(3)), context));
  const hidden = gelu(linear(modulatedNorm(z, part(4), part(5)), params.weight(`${name}.up`, HIDDEN, 4 * HIDDEN)));
  return f.add(z, linear(hidden, params.weight(`${name}.down`, 4 * HIDDEN, HIDDEN)));
}

export interface NetOptions {
  /** Recomputes blocks in the backward pass. */
  readonly remat?: boolean;
}

/** Forward and backward of the mean squared error. Writes the gradient of every parameter. */
export function traceLabNet(options: NetOptions = {}): { readonly graph: Graph; readonly params: Params['specs'] } {
  let specs: Params['specs'] = [];
  const graph = trace(builder => {
    const params = new Params(builder);
    const input = (name: string, shape: readonly number[]) => builder.input(name, { shape, dtype: 'f32' });
    const patches = input('patches', [BATCH, TOKENS, PATCH_DIM]);
    const context = linear(input('context', [BATCH, CONTEXT, HIDDEN]), params.weight('context', HIDDEN, HIDDEN));
    const conditioning = silu(linear(input('time', [BATCH, HIDDEN]), params.weight('time', HIDDEN, HIDDEN)));
    let x = linear(patches, params.weight('embed', PATCH_DIM, HIDDEN));
    for (let layer = 0; layer < DEPTH; layer++) {
      const run = () => block(params, `blocks.${layer}`, x, context, conditioning);
      x = builder.scope(`block ${layer}`, () => (options.remat ? remat(builder, run) : run()));
    }
    const error = f.sub(
      linear(x, params.weight('head', HIDDEN, PATCH_DIM)),
      input('target', [BATCH, TOKENS, PATCH_DIM]),
    );
    const loss = f.mul(f.sumAll(f.mul(error, error)), 1 / (BATCH * TOKENS * PATCH_DIM));
    specs = params.specs;
    const weights = specs.map(({ name, shape }) => builder.state(`model.${name}`, { shape, dtype: 'f32' }));
    const gradients = grad(loss, weights).map((gradient, i) => [`grad.${specs[i]?.name}`, gradient] as const);
    return { outputs: { loss }, writes: Object.fromEntries(gradients) };
  });
  return { graph, params: specs };
}
