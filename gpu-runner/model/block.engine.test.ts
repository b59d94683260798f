import { describe, expect, it } from 'vitest';
import { type ModelConfig, modelSchema } from '../../configs/schema.ts';
import * as f from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import type { Graph } from '../compiler/graph.ts';
import type { Tensor } from '../compiler/tensor.ts';
import { type Builder, trace, type Value } from '../compiler/trace.ts';
import {
  differenceFrom,
  GOLDEN_ENGINES,
  GOLDEN_TOLERANCE,
  golden,
  readGoldens,
  runGraph,
} from '../engines/testing/goldens.ts';
import { applyBlock, type BlockContext, branchesOf } from './block.ts';
import { PARAM_PREFIX, Params } from './params.ts';
import { gridRotation, pointRotation } from './positions.ts';
import { keyBias, mergeGroups } from './signals/context.ts';

type Goldens = Readonly<Record<string, Tensor>>;
type Input = (name: string) => Value;

/** A block over 2 x 3 image tokens, the same as in tools/make-torch-goldens.py. */
interface GoldenBlock {
  readonly file: string;
  readonly model: ModelConfig;
  /** All inputs that are not weights: first the differentiated ones, last the mask. */
  readonly inputs: readonly string[];
  context(builder: Builder, input: Input, seen: (start: number, end: number) => Value): BlockContext;
}

const SIZES = { hidden_size: 16, num_heads: 2, mlp_ratio: 3 };
const HEAD_DIM = 8;

const BLOCKS: readonly GoldenBlock[] = [
  {
    file: 'block',
    model: modelSchema.parse({ ...SIZES, arch: 'joint' }),
    inputs: ['x', 'text', 'pose', 'pose_y', 'pose_x', 'modulation', 'visible'],
    context(builder, input, seen) {
      const pose = pointRotation(input('pose_x'), input('pose_y'), HEAD_DIM);
      const groups = [
        { tokens: input('text'), visible: seen(0, 4) },
        { tokens: input('pose'), visible: seen(4, 7), rotation: pose },
      ];
      return contextOf(builder, groups, 6);
    },
  },
  {
    file: 'cross-block',
    model: modelSchema.parse({
      ...SIZES,
      arch: 'cross',
      conditions: { cls: { encoder: 'dct', dim: 16 } },
    }),
    inputs: ['x', 'text', 'cls', 'patches', 'pose', 'pose_y', 'pose_x', 'modulation', 'visible'],
    context(builder, input, seen) {
      const features = gridRotation(builder, 4, 3, HEAD_DIM, [0.5, 1]);
      const pose = pointRotation(input('pose_x'), input('pose_y'), HEAD_DIM);
      const groups = [
        { tokens: input('text'), visible: seen(0, 3) },
        { tokens: input('cls'), visible: seen(3, 4) },
        { tokens: input('patches'), visible: seen(4, 16), rotation: features },
        { tokens: input('pose'), visible: seen(16, 18), rotation: pose },
      ];
      return contextOf(builder, [mergeGroups(groups)], 0);
    },
  },
];

function contextOf(builder: Builder, groups: BlockContext['groups'], imageKeys: number): BlockContext {
  const bias = keyBias(groups, imageKeys);
  return { groups, rotation: gridRotation(builder, 2, 3, HEAD_DIM), ...(bias && { bias }) };
}

/** The block with the gradients of every input and parameter, named as in the file. */
function traceBlock(goldens: Goldens, { model, inputs, context }: GoldenBlock): Graph {
  return trace(builder => {
    const params = new Params(builder);
    const input: Input = name => builder.input(name, { ...golden(goldens, `in.${name}`) });
    const visible = f.less(0, f.cast(input('visible'), 'f32'));
    const seen = (start: number, end: number) => f.slice(visible, 1, start, end);
    const part = (index: number) => f.slice(input('modulation'), 1, index, index + 1);
    const modulations = branchesOf(model).map((_, i) => [part(3 * i), part(3 * i + 1), part(3 * i + 2)] as const);
    const y = applyBlock(params, model, 'block', input('x'), context(builder, input, seen), modulations);
    const wrt: Record<string, Value> = Object.fromEntries(inputs.slice(0, -1).map(name => [name, input(name)]));
    for (const { name, shape } of params.specs) {
      wrt[name.replace('block.', '')] = builder.state(`${PARAM_PREFIX}${name}`, { shape, dtype: 'f32' });
    }
    const gradients = grad(f.sumAll(f.mul(y, builder.input('ct', { ...golden(goldens, 'ct') }))), Object.values(wrt));
    const named = Object.keys(wrt).map((name, i) => [`grad.${name}`, gradients[i] ?? y]);
    return { outputs: { y, ...Object.fromEntries(named) } };
  });
}

describe.each(BLOCKS)('$file', block => {
  const goldens = readGoldens(block.file, 'block');
  const graph = traceBlock(goldens, block);

  it.each(GOLDEN_ENGINES)('the block agrees with PyTorch on %s, forward and all gradients', async (_, open) => {
    const feeds = Object.fromEntries(block.inputs.map(name => [name, golden(goldens, `in.${name}`)]));
    const weights = Object.entries(goldens)
      .filter(([name]) => name.startsWith('in.') && !block.inputs.includes(name.slice(3)))
      .map(([name, tensor]) => [`${PARAM_PREFIX}block.${name.slice(3)}`, tensor] as const);
    const { outputs } = await runGraph(
      open,
      graph,
      { ...feeds, ct: golden(goldens, 'ct') },
      Object.fromEntries(weights),
    );
    const results = Object.keys(goldens).filter(name => name === 'y' || name.startsWith('grad.'));
    expect(results).toHaveLength(1 + block.inputs.length - 1 + weights.length);
    expect(Object.keys(outputs).sort()).toEqual(results.sort());
    for (const name of results) {
      expect(differenceFrom(outputs[name], golden(goldens, name)), name).toBeLessThan(GOLDEN_TOLERANCE);
    }
  });
});
