/** @file The table of rules from keys of the original project's config to keys of Easel. */
import { z } from 'zod';
import { formatCount } from '../quantity.ts';

export type Json = z.infer<ReturnType<typeof z.json>>;

/** Values of the block by path, as their schemas read them. */
export type BlockValues = ReadonlyMap<string, unknown>;

/** Keys of Easel that a key of the block decides; `engine.` begins keys of the engine beside the config. */
export interface Mapped {
  readonly to: Readonly<Record<string, Json>>;
  /** Reason for a value that differs from the block's. */
  readonly why?: string;
}

/** The reason why a key of the block decides nothing. */
export interface Ignored {
  readonly ignored: string;
}

export interface SeedRule {
  readonly schema: z.ZodType;
  apply(value: unknown, block: BlockValues): Mapped | Ignored;
}

function rule<S extends z.ZodType>(schema: S, apply: (value: z.output<S>, block: BlockValues) => Mapped | Ignored) {
  // The translator passes what the schema has read.
  return { schema, apply } as SeedRule;
}

/** A key that means the same under another name. */
const same = (schema: z.ZodType<Json>, key: string): SeedRule => rule(schema, value => ({ to: { [key]: value } }));

/** One of the names that a table translates. */
function namesOf<N extends string>(table: Readonly<Record<N, string>>) {
  return z.enum(Object.keys(table) as [N, ...N[]]);
}

const count = z.int().positive();
const number = z.number();
const flag = z.boolean();

/** Of the block, where it leaves one of the two out. */
const SEED_BATCH = { batch_size: 1, grad_accumulation_steps: 256 } as const;

/** Samples of an optimizer update. */
function batchOf(block: BlockValues): number {
  const of = (key: keyof typeof SEED_BATCH) => Number(block.get(`training.${key}`) ?? SEED_BATCH[key]);
  return of('batch_size') * of('grad_accumulation_steps');
}

/** A number of updates as samples. */
const samples = (key: string): SeedRule =>
  rule(z.int().nonnegative(), (updates, block) => ({
    to: { [key]: updates * batchOf(block) },
    why: `${formatCount(updates)} updates of ${formatCount(batchOf(block))} samples`,
  }));

const PRECISIONS = {
  bfloat16: 'bf16',
  bf16: 'bf16',
  float16: 'f16',
  fp16: 'f16',
  float32: 'f32',
  fp32: 'f32',
} as const;

const RATE = /^(?<peak>[\d.]+(?:e[-+]?\d+)?)\s*(?:→|->|to)\s*(?<least>[\d.]+(?:e[-+]?\d+)?)\s*(?:\(cosine decay\))?$/i;

/** A rate, or `3e-4 → 1e-6 (cosine decay)`. */
const rateError = { error: 'expected a rate, or two rates such as "3e-4 → 1e-6 (cosine decay)"' };
const rateSchema = z.union([number.positive(), z.string().trim().regex(RATE, rateError)], rateError);

function rateKeys(rate: number | string): Mapped {
  if (typeof rate === 'number') return { to: { 'optimizer.learning_rate': rate } };
  const { peak, least } = RATE.exec(rate)?.groups ?? {};
  const to = {
    'optimizer.learning_rate': Number(peak),
    'optimizer.min_learning_rate': Number(least),
    'optimizer.schedule': 'cosine',
  };
  return { to, why: 'from the first rate down to the second along a cosine' };
}

const OPTIMIZERS = { Muon: 'muon', AdamW: 'adamw' } as const;

const DROPOUT = ['p_uncond', 'p_text_only', 'p_dino_cls_only', 'p_dino_patches_only', 'p_drop_pose', 'p_pose_only'];

/** Keys of the entries of lists. */
export const LISTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['training.resolution_schedule', ['until_step', 'scale']],
]);

/** Groups of `training` that people also write at the top, or under `model`. */
export const MOVABLE = ['optimizer', 'cfg_dropout', 'resolution_schedule', 'repa', 'tread'] as const;

/** The keys of a group, each ignored when the block switches the group off. */
function inGroup(group: string, what: string, rules: Readonly<Record<string, SeedRule>>) {
  const guarded = Object.entries(rules).map(([key, { schema, apply }]) => {
    const isOff = (block: BlockValues) => block.get(`${group}.enabled`) === false;
    const guard = rule(schema, (value, block) =>
      isOff(block) ? { ignored: `${what} is switched off` } : apply(value, block),
    );
    return [`${group}.${key}`, guard];
  });
  return Object.fromEntries(guarded) as Record<string, SeedRule>;
}

/** Without self-guidance, the original project guides text and reference apart. */
const DUAL_GUIDANCE = { 'run.preview.guidance_method': 'dual_cfg', 'run.preview.guidance_self': null } as const;

const isGuidedByItself = (block: BlockValues) => block.get('training.tread.self_guidance') !== false;

const repa = (key: string) => `objective.losses.repa.${key}`;

export const SEED_RULES: Readonly<Record<string, SeedRule>> = {
  'model.hidden_size': same(count, 'model.hidden_size'),
  'model.depth': same(count, 'model.depth'),
  'model.num_heads': same(count, 'model.num_heads'),
  'model.patch_size': same(count, 'model.patch_size'),
  'model.in_channels': same(count, 'model.in_channels'),
  'model.prediction_type': same(z.string(), 'objective.prediction_type'),
  'training.total_steps': samples('optimizer.total_samples'),
  'training.batch_size': rule(count, (size, block) => ({
    to: { 'engine.micro_batch': size, 'data.batch_size': batchOf(block) },
    why: 'the samples that are computed at once; an update has as many as all its micro-batches',
  })),
  'training.grad_accumulation_steps': rule(count, (steps, block) => ({
    to: { 'data.batch_size': batchOf(block) },
    why: `${formatCount(steps)} micro-batches are one update`,
  })),
  'training.learning_rate': rule(rateSchema, rateKeys),
  'training.warmup_steps': samples('optimizer.warmup_samples'),
  'training.mixed_precision': rule(namesOf(PRECISIONS), name => ({
    to: { 'engine.precision': PRECISIONS[name] },
    why: 'weights, sums, norms and softmax stay in f32',
  })),
  'training.gradient_checkpointing': same(flag, 'engine.gradient_checkpointing'),
  'training.optimizer.type': rule(namesOf(OPTIMIZERS), type => ({
    // AdamW has no groups.
    to: { 'optimizer.type': OPTIMIZERS[type], ...(type === 'AdamW' && { 'optimizer.muon.groups': null }) },
  })),
  'training.optimizer.muon.momentum': same(number, 'optimizer.muon.momentum'),
  'training.optimizer.muon.nesterov': same(flag, 'optimizer.muon.nesterov'),
  'training.optimizer.muon.ns_steps': same(count, 'optimizer.muon.ns_steps'),
  'training.optimizer.muon.adjust_lr_fn': same(z.string(), 'optimizer.muon.adjust_lr_fn'),
  ...Object.fromEntries(
    DROPOUT.map(key => [`training.cfg_dropout.${key}`, same(number, `objective.cfg_dropout.${key}`)]),
  ),
  'training.resolution_schedule': same(
    z.array(z.strictObject({ until_step: count, scale: number.positive().max(1) })),
    'data.resolution_schedule',
  ),
  'training.repa.enabled': rule(flag, isOn =>
    isOn
      ? { to: { 'objective.losses.flow_matching.weight': 1, [repa('adapter')]: 'linear' }, why: 'beside the flow' }
      : { to: { 'objective.losses': null } },
  ),
  ...inGroup('training.repa', 'REPA', {
    weight: same(number, repa('weight')),
    block_index: same(z.int(), repa('block_index')),
    loss_type: same(z.enum(['cosine', 'mse']), repa('loss_type')),
  }),
  'training.tread.enabled': rule(flag, isOn =>
    isOn
      ? {
          to: { 'objective.tread.first_block': 1, 'objective.tread.last_block': -2, 'objective.tread.until': 1 },
          why: 'all blocks but the first and the last, in the whole run',
        }
      : { to: { 'objective.tread': null, ...DUAL_GUIDANCE } },
  ),
  ...inGroup('training.tread', 'TREAD', {
    routing_probability: same(number, 'objective.tread.routing_probability'),
    self_guidance: rule(flag, isOn => ({
      to: isOn ? { 'run.preview.guidance_method': 'self_guidance' } : DUAL_GUIDANCE,
    })),
    guidance_scale: rule(number, (scale, block) => ({
      to: { [isGuidedByItself(block) ? 'run.preview.guidance_self' : 'run.preview.guidance_text']: scale },
    })),
  }),
};
