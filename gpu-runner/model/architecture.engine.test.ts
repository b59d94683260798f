import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../configs/parse.ts';
import { type ModelConfig, modelSchema } from '../../configs/schema.ts';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import { sizeOf } from '../compiler/tensor.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import {
  differenceOf,
  initialWeights,
  openNet,
  type Predict,
  randomFeeds,
  SIGNALS,
  specsOf,
  withOther,
  without,
} from './testing/random-net.ts';

/** The network of the original. */
const ORIGINAL = {
  arch: 'cross',
  patch_size: 16,
  patch_overlap: 0,
  bottleneck: 0,
  mlp_ratio: 4,
  adaln: 'full',
  position: 'sincos',
  qk_norm: false,
  norm: 'layer',
  mlp: 'gelu',
  adaln_gates: false,
  head: 'plain',
  output_conv: true,
  init: 'xavier',
  zero_init: false,
  context_norm: 'none',
  projection_bias: true,
  nulls: 'input',
  null_tokens: 'all',
  cls_token: 'conditioning',
  text: { position: false },
  patches: { mode: 'cross', position: false },
  pose: { embedding: 'mlp', null_pose: 'attended', position: false, joint_embeddings: true },
} as const;

describe('the network of the original has the parameters of its description, part by part', () => {
  /** Parts by the start of their parameters' names. */
  const PARTS: Readonly<Record<string, RegExp>> = {
    patch: /^patch\./,
    time: /^time\./,
    projections: /^(cls|text|patches)\.proj/,
    pose: /^pose\.(in|out)/,
    joints: /^pose\.joint$/,
    blocks: /^blocks\./,
    head: /^head\.(out|bias)$/,
    convolution: /^head\.conv/,
    nulls: /\.nulls?$/,
  };

  it.each([
    {
      size: { hidden_size: 384, depth: 12, num_heads: 6 },
      parts: {
        patch: 3 * 16 ** 2 * 384 + 384,
        time: 246_528,
        projections: 3 * 393_600,
        pose: 149_376,
        joints: 133 * 384,
        blocks: 12 * 3_246_336,
        head: 295_680,
        convolution: 84,
        nulls: 3 * 1024 + 133 * 384,
      },
      total: 41_229_012,
    },
    {
      size: { hidden_size: 768, depth: 18, num_heads: 12 },
      parts: {
        patch: 590_592,
        time: 787_968,
        projections: 3 * 787_200,
        pose: 593_664,
        joints: 102_144,
        blocks: 18 * 12_980_736,
        head: 590_592,
        convolution: 84,
        nulls: 3 * 1024 + 102_144,
      },
      total: 238_785_108,
    },
  ])('$size.hidden_size wide, $size.depth deep: $total', ({ size, parts, total }) => {
    const model = modelSchema.parse({ ...ORIGINAL, ...size, conditions: SEED_CONDITIONS });
    const specs = specsOf(model, { height: 32, width: 32 });
    const countOf = (pattern: RegExp) =>
      specs.filter(({ name }) => pattern.test(name)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const counted = Object.fromEntries(Object.entries(PARTS).map(([part, pattern]) => [part, countOf(pattern)]));
    expect(counted).toEqual(parts);
    expect(countOf(/^/)).toBe(total);
    // Four attention and four cross-attention matrices, an MLP of 8 h^2, and adaLN with bias: 22 h^2 + 6 h.
    expect(parts.blocks).toBe(size.depth * (22 * size.hidden_size ** 2 + 6 * size.hidden_size));
  });
});

/** Each form of each switch, alone. */
const SWITCHES: readonly (readonly [string, object])[] = [
  ['position sincos', { position: 'sincos' }],
  ['no qk_norm', { qk_norm: false }],
  ['norm layer', { norm: 'layer' }],
  ['mlp gelu', { mlp: 'gelu' }],
  ['no gates', { adaln_gates: false }],
  ['a plain head', { head: 'plain' }],
  ['output_conv', { output_conv: true }],
  ['size_embedding', { size_embedding: true }],
  ['registers', { registers: { count: 3 } }],
  ['registers from block 1', { registers: { count: 2, block: 1 } }],
  ['no bottleneck', { bottleneck: 0 }],
  ['context_norm layer', { context_norm: 'layer' }],
  ['context_norm none', { context_norm: 'none' }],
  ['projection_bias', { projection_bias: true }],
  ['nulls input', { nulls: 'input' }],
  ['null_tokens all', { null_tokens: 'all' }],
  ['text without positions', { text: { position: false } }],
  ['patches spatial_add', { patches: { mode: 'spatial_add' } }],
  ['patches cross', { patches: { mode: 'cross' } }],
  ['patches both', { patches: { mode: 'both' } }],
  ['patches cross without positions', { patches: { mode: 'cross', position: false } }],
  ['sincos and patches cross', { position: 'sincos', patches: { mode: 'cross' } }],
  ['pose mlp', { pose: { embedding: 'mlp' } }],
  ['null_pose attended', { pose: { null_pose: 'attended' } }],
  ['pose without positions', { pose: { position: false } }],
  ['no joint embeddings', { pose: { joint_embeddings: false } }],
  ['the original', { ...ORIGINAL, patch_size: 4, zero_init: true }],
];

const CASES = (['joint', 'cross'] as const).flatMap(arch =>
  // The original has a token for CLS, which arch joint refuses.
  SWITCHES.filter(([name]) => arch === 'cross' || name !== 'the original').map(
    ([name, keys]) => [`${name}, arch ${arch}`, arch, tinyConfig({ model: { arch, ...keys } }).model] as const,
  ),
);

describe.each(CASES)('%s', async (name, arch, model) => {
  const [feeds, predict] = [randomFeeds(model), await openNet(model)];

  it('each signal counts when it is kept, and no bit of it when it is dropped', async () => {
    const whole = await predict(feeds);
    expect(whole.every(Number.isFinite)).toBe(true);
    for (const signal of SIGNALS) {
      expect(await predict(withOther(feeds, signal)), signal).not.toEqual(whole);
      const dropped = without(feeds, signal);
      const prediction = await predict(dropped);
      expect(prediction, signal).not.toEqual(whole);
      expect(await predict(withOther(dropped, signal)), signal).toEqual(prediction);
    }
    const dropped = SIGNALS.reduce(without, feeds);
    expect(await predict(SIGNALS.reduce(withOther, dropped))).toEqual(await predict(dropped));
  });

  it('an untrained net predicts 0', async () => {
    expect(Math.max(...(await predict(feeds, initialWeights(model))).map(Math.abs))).toBe(0);
  });

  it('the switch changes a prediction, unless it is the form without the key', async () => {
    // Nulls count only when a signal is dropped.
    const some = ['text', 'patches'].reduce(without, feeds);
    const usual = await baseOf(arch);
    const changes = [differenceOf(await predict(feeds), await usual(feeds))];
    changes.push(differenceOf(await predict(some), await usual(some)));
    const isUsual = name.startsWith(arch === 'joint' ? 'patches spatial_add' : 'patches cross,');
    if (isUsual) expect(Math.max(...changes)).toBe(0);
    else expect(Math.max(...changes)).toBeGreaterThan(1e-3);
  });
});

/** The net without any switch. */
const bases = new Map<string, Promise<Predict>>();
function baseOf(arch: 'joint' | 'cross'): Promise<Predict> {
  const base = bases.get(arch) ?? openNet(tinyConfig({ model: { arch } }).model);
  bases.set(arch, base);
  return base;
}

it.each(SIGNALS)('arch cross with patches.mode spatial_add works with %s as the only signal', async signal => {
  const only = { [signal]: tinyConfig().model.conditions?.[signal] };
  const { model } = tinyConfig({ model: { arch: 'cross', patches: { mode: 'spatial_add' }, conditions: only } });
  const [feeds, predict] = [randomFeeds(model), await openNet(model)];
  expect(await predict(without(feeds, signal))).not.toEqual(await predict(feeds));
});

it('without zero_init an untrained net predicts numbers', async () => {
  const { model } = tinyConfig({ model: { zero_init: false } });
  const prediction = await (await openNet(model, initialWeights(model)))(randomFeeds(model));
  expect(Math.max(...prediction.map(Math.abs))).toBeGreaterThan(0.1);
});

it('init xavier gives matrices the variance 2 / (inputs + outputs)', () => {
  const { model } = tinyConfig({ model: { init: 'xavier' } });
  const up = specsOf(model).find(({ name }) => name === 'blocks.0.mlp.up');
  expect(up?.shape).toEqual([16, 48]);
  expect(up?.std).toBeCloseTo(Math.sqrt(2 / 64), 12);
  expect(specsOf(model).find(({ name }) => name === 'pose.joint')?.std).toBe(1);
});

it('the size of a picture changes a prediction only with size_embedding', () => {
  const sizes = (model: ModelConfig) => specsOf(model).filter(({ name }) => name.startsWith('size.'));
  expect(sizes(tinyConfig().model)).toEqual([]);
  expect(sizes(tinyConfig({ model: { size_embedding: true } }).model).map(({ shape, std }) => [shape, std])).toEqual([
    [[24, 16], 0],
  ]);
});

describe('refusals', () => {
  it.each([
    [{ registers: { count: 4, block: 6 } }, 'model.registers.block: must be below depth'],
    [{ cls_token: 'conditioning' }, 'model.cls_token: only arch cross has a token for CLS'],
    [
      { arch: 'cross', patches: { mode: 'both' }, conditions: { patches: { encoder: 'a', dim: 3, stride: 16 } } },
      'model.patch_size: must be a multiple of conditions.patches.stride',
    ],
  ])('%j is refused', (model, message) => {
    expect(() => parseConfig({ model })).toThrow(message);
  });

  it('arch joint takes patch features of any stride as context tokens', () => {
    const conditions = { patches: { encoder: 'a', dim: 3, stride: 16 } };
    expect(parseConfig({ model: { patches: { mode: 'cross' }, conditions } }).model.patch_size).toBe(8);
  });
});

it('each parameter is in one group, and matrices are those of the blocks', () => {
  for (const [name, , model] of CASES) {
    const specs = specsOf(model);
    expect(new Set(specs.map(spec => spec.name)).size, name).toBe(specs.length);
    for (const spec of specs) {
      const isBlockMatrix = /^blocks\.\d+\.(attn|cross|mlp)\.(context_)?(q|k|v|out|gate|up|down)$/.test(spec.name);
      const isEmbedding =
        /\.(null|nulls|joint|position)$|^registers$/.test(spec.name) && !spec.name.startsWith('patch.');
      const group = isBlockMatrix ? 'matrix' : isEmbedding ? 'embedding' : 'other';
      expect(spec.group, `${name}: ${spec.name}`).toBe(group);
    }
  }
});
