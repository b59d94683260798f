import { expect, it } from 'vitest';
import { modelSchema } from '../../configs/schema.ts';
import { biasOf } from '../compiler/attention.ts';
import * as f from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import { trace, type Value } from '../compiler/trace.ts';
import {
  differenceFrom,
  GOLDEN_ENGINES,
  GOLDEN_TOLERANCE,
  golden,
  readGoldens,
  runGraph,
} from '../engines/testing/goldens.ts';
import { applyBlock } from './block.ts';
import { PARAM_PREFIX, Params } from './params.ts';
import { gridRotation, pointRotation } from './positions.ts';

const goldens = readGoldens('block', 'block');
const model = modelSchema.parse({ hidden_size: 16, num_heads: 2, mlp_ratio: 3 });
const INPUTS = ['x', 'text', 'pose', 'pose_y', 'pose_x', 'visible', 'modulation'] as const;

/** One block over 2 x 3 image tokens, 4 text tokens and 3 points, with the gradients of every input and parameter. */
const graph = trace(builder => {
  const params = new Params(builder);
  const input = (name: (typeof INPUTS)[number]) => builder.input(name, { ...golden(goldens, `in.${name}`) });
  const [x, text, pose, poseY, poseX, modulation] = [
    input('x'),
    input('text'),
    input('pose'),
    input('pose_y'),
    input('pose_x'),
    input('modulation'),
  ];
  const visible = f.less(0, f.cast(input('visible'), 'f32'));
  const bias = biasOf(f.reshape(visible, [2, 1, 1, 7]));
  const seen = (start: number, end: number) => f.slice(visible, 1, start, end);
  const part = (index: number) => f.slice(modulation, 1, index, index + 1);
  const context = {
    groups: [
      { tokens: text, visible: seen(0, 4) },
      { tokens: pose, visible: seen(4, 7), rotation: pointRotation(poseX, poseY, 8) },
    ],
    rotation: gridRotation(builder, 2, 3, 8),
    bias: f.concat([builder.constant([0], [2, 1, 1, 6]), bias], 3),
  };
  const y = applyBlock(params, model, 'block', x, context, [
    [part(0), part(1), part(2)],
    [part(3), part(4), part(5)],
  ]);
  const wrt: Record<string, Value> = { x, text, pose, pose_y: poseY, pose_x: poseX, modulation };
  for (const spec of params.specs) {
    wrt[spec.name.replace('block.', '')] = builder.state(`${PARAM_PREFIX}${spec.name}`, {
      shape: spec.shape,
      dtype: 'f32',
    });
  }
  const gradients = grad(f.sumAll(f.mul(y, builder.input('ct', { ...golden(goldens, 'ct') }))), Object.values(wrt));
  return {
    outputs: { y, ...Object.fromEntries(Object.keys(wrt).map((name, i) => [`grad.${name}`, gradients[i] ?? y])) },
  };
});

it.each(GOLDEN_ENGINES)('a block on %s agrees with PyTorch, forward and all gradients', async (_, open) => {
  const inputs = new Set<string>(INPUTS);
  const feeds = Object.fromEntries(INPUTS.map(name => [name, golden(goldens, `in.${name}`)]));
  const weights = Object.entries(goldens)
    .filter(([name]) => name.startsWith('in.') && !inputs.has(name.slice(3)))
    .map(([name, tensor]) => [`${PARAM_PREFIX}block.${name.slice(3)}`, tensor] as const);
  const { outputs } = await runGraph(open, graph, { ...feeds, ct: golden(goldens, 'ct') }, Object.fromEntries(weights));
  const results = Object.keys(goldens).filter(name => name === 'y' || name.startsWith('grad.'));
  expect(results).toHaveLength(1 + 6 + 12);
  expect(Object.keys(outputs).sort()).toEqual(results.sort());
  for (const name of results) {
    expect(differenceFrom(outputs[name], golden(goldens, name)), name).toBeLessThan(GOLDEN_TOLERANCE);
  }
});
