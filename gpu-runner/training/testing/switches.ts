/** @file The switches of a training, each with its values as changes of a config, and which two exclude each other. */
import { mergeDeep } from '../../../configs/merge-deep.ts';
import { type KeyedConfig, keyedConfigSchema } from '../../../configs/schema.ts';
import { coverPairs, type Factors, type Pair, type Row } from './covering-array.ts';
import { tinyConfig } from './tiny.ts';

type Change = Partial<Record<'model' | 'objective' | 'optimizer' | 'data' | 'plan', object>>;

const NOTHING: Change = {};
const decay = (weight_decay_on?: string): Change => ({
  optimizer: { weight_decay: 0.1, ...(weight_decay_on && { weight_decay_on }) },
});
const losses = (more: object): Change => ({ objective: { losses: { flow_matching: { weight: 1 }, ...more } } });
const CONDITIONS = {
  text: { encoder: 'words', dim: 6, tokens: 8 },
  cls: { encoder: 'dinov3', dim: 5 },
  patches: { encoder: 'dinov3', dim: 3, stride: 4 },
  pose: { joints: 133 },
};
const COLUMN = { encoder: 'dinov3', dim: 3, stride: 4 };

/** By factor and value. The first value of each is what a config without the key has. */
const SWITCHES: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  arch: { joint: NOTHING, cross: { model: { arch: 'cross' } } },
  adaln: {
    shared: NOTHING,
    full: { model: { adaln: 'full' } },
    lowrank: { model: { adaln: 'lowrank', adaln_rank: 4 } },
  },
  overlap: { one: NOTHING, none: { model: { patch_overlap: 0 } } },
  position: { rope: NOTHING, sincos: { model: { position: 'sincos' } } },
  'qk-norm': { on: NOTHING, off: { model: { qk_norm: false } } },
  norm: { rms: NOTHING, layer: { model: { norm: 'layer' } } },
  mlp: { swiglu: NOTHING, gelu: { model: { mlp: 'gelu', mlp_ratio: 4 } } },
  gates: { on: NOTHING, off: { model: { adaln_gates: false } } },
  head: { modulated: NOTHING, plain: { model: { head: 'plain' } } },
  'output-conv': { none: NOTHING, on: { model: { output_conv: true } } },
  'size-embedding': { none: NOTHING, on: { model: { size_embedding: true } } },
  registers: { none: NOTHING, some: { model: { registers: { count: 3 } } } },
  init: { 'fan-in': NOTHING, xavier: { model: { init: 'xavier' } } },
  'zero-init': { on: NOTHING, off: { model: { zero_init: false } } },
  bottleneck: { some: NOTHING, none: { model: { bottleneck: 0 } } },
  'context-norm': {
    rms: NOTHING,
    layer: { model: { context_norm: 'layer' } },
    none: { model: { context_norm: 'none' } },
  },
  'projection-bias': { none: NOTHING, on: { model: { projection_bias: true } } },
  nulls: { hidden: NOTHING, input: { model: { nulls: 'input' } } },
  'null-tokens': { one: NOTHING, all: { model: { null_tokens: 'all' } } },
  'cls-token': { signal: NOTHING, conditioning: { model: { cls_token: 'conditioning' } } },
  'text-position': { on: NOTHING, off: { model: { text: { position: false } } } },
  'patches-mode': {
    'by-arch': NOTHING,
    'spatial-add': { model: { patches: { mode: 'spatial_add' } } },
    cross: { model: { patches: { mode: 'cross' } } },
    both: { model: { patches: { mode: 'both' } } },
  },
  'patches-position': { on: NOTHING, off: { model: { patches: { position: false } } } },
  'pose-embedding': { fourier: NOTHING, mlp: { model: { pose: { embedding: 'mlp' } } } },
  'null-pose': { masked: NOTHING, attended: { model: { pose: { null_pose: 'attended' } } } },
  'pose-position': { on: NOTHING, off: { model: { pose: { position: false } } } },
  joints: { on: NOTHING, off: { model: { pose: { joint_embeddings: false } } } },
  adapters: { none: NOTHING, lora: { model: { lora: { rank: 2 } } } },
  prediction: { x: NOTHING, v: { objective: { prediction_type: 'v_prediction' } } },
  weight: {
    default: NOTHING,
    'space-x': { objective: { loss_space: 'x' } },
    'space-v': { objective: { loss_space: 'v' } },
    'min-snr': { objective: { min_snr_gamma: 5 } },
  },
  noise: {
    one: NOTHING,
    scale: { objective: { noise_scale: 2 } },
    'scale-by-size': { objective: { noise_reference_side: 64 } },
    shift: { objective: { time_shift: 3 } },
    'shift-by-size': { objective: { shift_reference_side: 64 } },
  },
  dropout: {
    seed: NOTHING,
    'text-and-pose': { objective: { cfg_dropout: { p_uncond: 0.1, p_text_pose: 0.3 } } },
    masking: { objective: { masking: { joints: 0.5, patches: 0.5, block: 2 } } },
  },
  loss: {
    flow: NOTHING,
    'repa-patches': losses({ repa: { weight: 0.5, column: COLUMN } }),
    'repa-mse-teacher': losses({
      repa: { weight: 0.5, column: COLUMN, loss_type: 'mse', grid: 'teacher', adapter: 'linear', only_dropped: false },
    }),
    'repa-self': losses({ repa: { weight: 0.5, teacher: 'self', block_index: 0, until: 0.5, ramp: 0.1 } }),
    lpips: losses({ lpips: { weight: 0.1, net: 'squeeze', from: 0.01 } }),
  },
  mask: {
    none: NOTHING,
    weighs: { objective: { mask: {} } },
    normalized: { objective: { mask: { unmasked_weight: 0.3, normalize: true } } },
  },
  route: {
    none: NOTHING,
    tread: { objective: { tread: { first_block: 1, last_block: -2, until: 0.6 } } },
  },
  optimizer: {
    muon: NOTHING,
    'muon-original': { optimizer: { muon: { adjust_lr_fn: 'original', nesterov: false } } },
    'muon-all-2d': { optimizer: { muon: { groups: 'all_2d' }, adamw: { learning_rate: 1e-3 } } },
    adamw: { optimizer: { type: 'adamw' } },
  },
  schedule: {
    wsd: NOTHING,
    cosine: { optimizer: { schedule: 'cosine', min_learning_rate: 1e-6 } },
    constant: { optimizer: { schedule: 'constant' } },
  },
  decay: {
    none: NOTHING,
    'two-axes': decay(),
    matrices: decay('matrices'),
    'not-embeddings': decay('not_embeddings'),
    all: decay('all'),
  },
  averages: {
    one: NOTHING,
    two: { optimizer: { ema_gammas: [5, 17] } },
    fixed: { optimizer: { ema_decays: [{ decay: 0.999 }, { decay: 0.9999, warmup_steps: 5 }] } },
  },
  freeze: { none: NOTHING, some: { optimizer: { freeze: ['blocks.0.*', 'time.*'] } } },
  flip: { none: NOTHING, half: { data: { horizontal_flip_prob: 0.5 } } },
  jitter: { none: NOTHING, some: { data: { crop_jitter: 4 } } },
  'condition-noise': { none: NOTHING, some: { data: { condition_noise: { text: 0.1, cls: 0.1, patches: 0.1 } } } },
  captions: { first: NOTHING, all: { data: { caption_variants: 'all' } } },
  groups: { whole: NOTHING, two: { data: { bucket_group: 2 } } },
  resolution: { one: NOTHING, grows: { data: { resolution_schedule: [{ until_step: 20, scale: 0.8 }] } } },
  checkpointing: { none: NOTHING, full: { plan: { remat: true } } },
};

export const FACTORS: Factors = Object.fromEntries(
  Object.entries(SWITCHES).map(([factor, values]) => [factor, Object.keys(values)]),
);

/** Every value but the first of each factor: what is switched on. */
export const FEATURES: ReadonlySet<string> = new Set(
  Object.entries(FACTORS).flatMap(([factor, [, ...values]]) => values.map(value => `${factor}=${value}`)),
);

/** Pairs that a config refuses, and words of the refusal. */
export const EXCLUDED: readonly (readonly [...Pair, reason: string])[] = [
  ['arch=joint', 'cls-token=conditioning', 'only arch cross has a token for CLS'],
];

/** Rows of which each pair of values that may stand together is in one. */
export const ROWS: readonly Row[] = coverPairs(
  FACTORS,
  EXCLUDED.map(([one, other]) => [one, other]),
);

export interface Switched {
  readonly config: KeyedConfig;
  readonly remat: boolean;
}

/** Of three blocks, pictures of 40 pixels in patches of 8, with all four signals. @throws InvalidInput */
export function switchOn(row: Row): Switched {
  const { model, objective, optimizer, data } = tinyConfig({
    model: { depth: 3, patch_size: 8, tokens_per_side: 5, conditions: CONDITIONS },
    optimizer: { total_samples: 160, warmup_samples: 8 },
  });
  const changes = Object.entries(row).map(([factor, value]) => SWITCHES[factor]?.[value] ?? NOTHING);
  const merged = changes.reduce<unknown>(mergeDeep, { model, objective, optimizer, data, plan: {} });
  const { plan, ...sections } = merged as { plan: { remat?: boolean } };
  return { config: keyedConfigSchema.parse({ seed: 7, ...sections }), remat: plan.remat ?? false };
}
