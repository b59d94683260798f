/**
 * @file The stored JSON documents. Each has a version `v` and lists the blobs it needs in `links`; gc and verify follow
 * them.
 */

import { z } from 'zod';
import { LARGEST_BATCH } from '../configs/bounds.ts';
import { ENGINE_NAMES, MOST_THREADS, PRECISIONS } from '../configs/engines.ts';
import { checkpointingSchema } from '../configs/gradient-checkpointing.ts';
import { progressSchema } from '../configs/progress.ts';
import { COLUMN_NAMES, SIGNAL_NAMES, type SignalName } from '../configs/signals.ts';
import { DIGEST_PATTERN, NAME_PATTERN } from '../configs/stored-names.ts';
import { oneOf } from '../configs/suggest.ts';
import { wireErrorSchema } from '../errors-wire.ts';
import { type Digest, isDigest } from './digest.ts';

export const digestSchema = z
  .custom<Digest>(value => typeof value === 'string' && isDigest(value), {
    error: 'expected a digest: "sha256:" and 64 lower-case hexadecimal digits',
  })
  .meta({ type: 'string', pattern: DIGEST_PATTERN.source });

/** Names of datasets, experiments and models: safe in a URL, a key and a file name. */
export const nameSchema = z
  .string()
  .regex(NAME_PATTERN, 'expected 1 to 63 of a-z 0-9 . _ -, starting with a letter or digit');

export const blobRefSchema = z.strictObject({
  digest: digestSchema,
  size: z.int().nonnegative(),
  media_type: z.string(),
});

/** Identifies the engine that computes. Equal inputs give equal bytes on equal specs, so each job's action has one. */
export const engineSpecSchema = z.strictObject(
  {
    name: oneOf('engine', ENGINE_NAMES),
    precision: z.enum(PRECISIONS),
    threads: z.int().min(1).max(MOST_THREADS),
    /** False lets a GPU add up in any order. Absent: equal programs give equal bits, as before this key existed. */
    deterministic: z.literal(false).exactOptional(),
    /** Blob with the kernels that a measurement on this kind of GPU chose: see the function `tune`. */
    autotune: digestSchema.exactOptional(),
  },
  { error: refusePlan },
);
export type EngineSpec = z.infer<typeof engineSpecSchema>;

/**
 * How a training is cut to fit its device. The plan changes the rounding of weights, so it is a parameter of
 * `train-chunk`. A sample has no plan.
 */
export const trainingPlanSchema = z.strictObject({
  /** Samples per run of the gradient graph; divides the update's batch. */
  micro_batch: z.int().min(1).max(LARGEST_BATCH),
  /** Blocks whose inside the backward pass computes again: less memory, more time. */
  gradient_checkpointing: checkpointingSchema.default(false),
});
export type TrainingPlan = z.infer<typeof trainingPlanSchema>;

/** The error for a key of the plan in an engine: tells where the key belongs. */
function refusePlan(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined;
  const [key] = issue.keys.filter(name => name in trainingPlanSchema.shape);
  return (
    key && `${key} does not belong to an engine: train-chunk takes it as plan.${key}, a sample does not depend on it`
  );
}

/** Old actions have the plan in `engine`. Their results lie under the digest of this form, so it is read as it is. */
export const formerEngineSchema = engineSpecSchema.extend({
  micro_batch: trainingPlanSchema.shape.micro_batch,
  gradient_checkpointing: z.literal(true).optional(),
});

const jsonSchema = z.json();

/** The canonical digest of an action is the key of its result. It never contains times, hosts or names. */
export const actionSchema = z.strictObject({
  v: z.literal(1),
  function: z.string(),
  version: z.int().min(1),
  params: z.record(z.string(), jsonSchema),
  inputs: z.record(z.string(), digestSchema),
  /** Versions of libraries that change bytes, as the function declares them. */
  tools: z.record(z.string(), z.string()).optional(),
  engine: z.union([engineSpecSchema, formerEngineSchema]).optional(),
  salt: z.string().optional(),
});
export type Action = z.infer<typeof actionSchema>;

/** The result of an action. `outputs` and `links` are deterministic; `stats` (times, host, counts) enter no digest. */
export const resultSchema = z.strictObject({
  v: z.literal(1),
  action: actionSchema,
  outputs: z.record(z.string(), blobRefSchema),
  links: z.array(digestSchema),
  stats: z.record(z.string(), jsonSchema),
});
export type Result = z.infer<typeof resultSchema>;

export const splitSchema = z.enum(['train', 'val', 'test']);
export type Split = z.infer<typeof splitSchema>;

const spanSchema = { offset: z.int().nonnegative(), size: z.int().nonnegative() };
const givenSignalSchema = z.strictObject({
  archive: digestSchema,
  ...spanSchema,
  /** Of further captions. */
  more: z.array(z.strictObject(spanSchema)).exactOptional(),
  /** First 16 hexadecimal digits of the sha256 of the files that it was made of. */
  of: z.string().regex(/^[0-9a-f]{16}$/),
});
export type GivenSignal = z.infer<typeof givenSignalSchema>;

/**
 * One picture of a dataset. Before `ingest`, `width` and `height` are absent, and `split` and `cluster` unless the
 * source says them.
 */
export const itemSchema = z.strictObject({
  /** First 16 hexadecimal digits of the sha256 of the original's bytes. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Path inside the source folder or archive, or the name that the generator gave. */
  name: z.string(),
  /** The original's bytes: a blob, or a slice of an archive blob. */
  original: z.union([
    digestSchema,
    z.strictObject({ archive: digestSchema, offset: z.int().nonnegative(), size: z.int().nonnegative() }),
  ]),
  /** The blob of its mask, a picture of its size: white counts in the loss, black does not. */
  mask: digestSchema.optional(),
  /** The joints that the set knows: npy f32 [133, (x, y, confidence)] in [-1, 1] of the original, a slice of a blob. */
  pose: z
    .strictObject({ archive: digestSchema, offset: z.int().nonnegative(), size: z.int().nonnegative() })
    .exactOptional(),
  split: splitSchema.optional(),
  /** Id of the first member of its cluster of near-duplicates. */
  cluster: z.string().optional(),
  /** Pixels, after EXIF orientation. */
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  /** Signals that the source brought, made by its own encoders: members of an archive. */
  signals: z.partialRecord(z.enum(SIGNAL_NAMES), givenSignalSchema).optional(),
  /** From the set or a sidecar file: `caption` is a text; bundled sets add the attributes of their generator. */
  attributes: z.record(z.string(), jsonSchema).optional(),
});
export type Item = z.infer<typeof itemSchema>;

/** Up to 64 items and one blob per column; the unit of caching, retry and distribution. */
export const pageSchema = z.strictObject({
  /** JSON Lines of {@link itemSchema}. */
  items: digestSchema,
  columns: z.partialRecord(z.enum(COLUMN_NAMES), digestSchema),
});
export type Page = z.infer<typeof pageSchema>;

export const PAGE_SIZE = 64;

export const rejectSchema = z.strictObject({
  name: z.string(),
  /** Of a picture whose bytes were read. */
  id: z.string().optional(),
  reason: z.string(),
  /** The reason without what is this file's own, so that files can be counted by it; absent: the reason. */
  group: z.string().exactOptional(),
});
export type Reject = z.infer<typeof rejectSchema>;

/** What a stage decided by itself, of all pictures of the dataset. functions/notes/note-table.ts has the codes. */
export const noteSchema = z.strictObject({
  code: z.string(),
  /** Number of pictures that it is about. */
  count: z.int().positive(),
  text: z.string(),
  /** Some of the pictures, worst first. */
  examples: z.array(z.strictObject({ name: z.string(), text: z.string() })),
});
export type Note = z.infer<typeof noteSchema>;

const encoderEntrySchema = z
  .object({ name: z.string() })
  .catchall(z.union([z.number(), z.string(), z.record(z.string(), z.array(digestSchema))]));

/**
 * By signal, the encoder that made its column, the dimensions of what it made, and the digests of its weights by part:
 * `{ cls: { name: 'dct', dim: 64 } }`.
 */
const encodersSchema = z.preprocess(
  splitImageEncoder,
  z.partialRecord(z.enum(SIGNAL_NAMES), encoderEntrySchema),
) as z.ZodType<Partial<Record<SignalName, z.infer<typeof encoderEntrySchema>>>>;

/** Data sets used to have one entry `image` for both signals of an image encoder. */
function splitImageEncoder(value: unknown): unknown {
  const old = z.looseObject({ image: imageEncoderSchema }).safeParse(value);
  if (!old.success) return value;
  const { image, ...others } = old.data;
  const { name, cls_dim, patch_dim, stride } = image;
  return { ...others, cls: { name, dim: cls_dim }, patches: { name, dim: patch_dim, stride } };
}

const imageEncoderSchema = z.strictObject({
  name: z.string(),
  cls_dim: z.int(),
  patch_dim: z.int(),
  stride: z.int(),
});

/** A size to which `bucket` has brought pictures. Removed pictures do not count. */
export const bucketCountSchema = z.strictObject({
  width: z.int().positive(),
  height: z.int().positive(),
  /** Number of pictures of this size, of all splits. */
  pictures: z.int().nonnegative(),
  /** Those of the split that is trained on. */
  train: z.int().nonnegative(),
});
export type BucketCount = z.infer<typeof bucketCountSchema>;

export const datasetSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('dataset'),
  pages: z.array(pageSchema),
  /** Ids of drawn pictures that are not wanted now; no page changes. Those of a folder or tar are erased. */
  removed: z.array(z.string()),
  encoders: encodersSchema,
  /** Signals that the source of the import brought with every picture, and their encoders. Absent: none. */
  given: z.partialRecord(z.enum(SIGNAL_NAMES), encoderEntrySchema).exactOptional(),
  counts: z.record(z.string(), z.int()),
  rejects: z.array(rejectSchema),
  /** Absent: none. */
  notes: z.array(noteSchema).exactOptional(),
  /** Commonest first. Absent: there is no column `image`, or an earlier version made it. */
  buckets: z.array(bucketCountSchema).exactOptional(),
  /** Of several data sets that are trained on together: each has the next so many pages. Absent: it is one set. */
  sets: z
    .array(
      z.strictObject({
        name: z.string(),
        dataset: digestSchema,
        pages: z.int().nonnegative(),
        /** How often a pass takes each of its pictures on average. */
        times: z.number().positive(),
      }),
    )
    .exactOptional(),
  links: z.array(digestSchema),
});
export type Dataset = z.infer<typeof datasetSchema>;

/** Only state: equal state has an equal digest, for any cut into chunks. */
export const checkpointSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('checkpoint'),
  /** Optimizer steps taken. */
  step: z.int().nonnegative(),
  /** Training samples seen. */
  samples: z.int().nonnegative(),
  /** Position in the epoch plan, in groups of `group` pictures; in updates where `group` is absent. */
  cursor: z.strictObject({
    epoch: z.int().nonnegative(),
    position: z.int().nonnegative(),
    group: z.int().positive().optional(),
  }),
  /** Seed of every random stream; with `samples` it determines all of them. */
  rng_key: z.string(),
  /** Digest of the keyed sections of the config. */
  config: digestSchema,
  /** safetensors blobs. */
  tensors: z.strictObject({
    model: z.array(digestSchema),
    optimizer: z.array(digestSchema),
    ema: z.array(digestSchema),
  }),
  links: z.array(digestSchema),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

/** The WebDataset tars that `shard` made of a dataset. */
export const shardsSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('shards'),
  dataset: digestSchema,
  options: z.record(z.string(), jsonSchema),
  files: z.array(
    z.strictObject({
      /** Below `shards/`: `bucket_64x64/shard-000000.tar`. */
      file: z.string().regex(/^((val|test)\/)?bucket_\d+x\d+\/shard-\d{6,}\.tar$/),
      digest: digestSchema,
      size: z.int().nonnegative(),
      samples: z.int().positive(),
    }),
  ),
  links: z.array(digestSchema),
});
export type Shards = z.infer<typeof shardsSchema>;

/** refs/datasets/<name>.json */
export const datasetHeadSchema = z.strictObject({
  v: z.literal(1),
  dataset: digestSchema,
  /** The dataset of originals that `import` made last, which the next import extends. */
  originals: digestSchema.optional(),
  /** The engine of its encoders that run on one, so that pictures that are added later get equal features. */
  engine: engineSpecSchema.exactOptional(),
  /** A lineage: how the dataset was made. Of another version, it counts as absent. */
  lineage: z.strictObject({ of: digestSchema, record: digestSchema }).exactOptional(),
  /** What `shard` made last, of which version of the dataset. Of another version, it counts as absent. */
  shards: z.strictObject({ of: digestSchema, manifest: digestSchema }).exactOptional(),
});
export type DatasetHead = z.infer<typeof datasetHeadSchema>;

/** runs/<action>/<attempt>/state.json: progress, never truth. */
export const runRecordSchema = z.strictObject({
  v: z.literal(1),
  action: digestSchema,
  function: z.string(),
  state: z.enum(['queued', 'running', 'done', 'failed']),
  cache: z.enum(['hit', 'miss']).exactOptional(),
  result: jsonSchema.exactOptional(),
  /** Loose: a record of an earlier version also has `retryAfterSeconds`. */
  error: wireErrorSchema.loose().exactOptional(),
  progress: progressSchema.loose().exactOptional(),
  /** The digests that names in the body had when the run began. */
  resolved: z.record(z.string(), digestSchema).exactOptional(),
  /** RFC 3339. */
  updated_at: z.iso.datetime(),
  links: z.array(digestSchema),
});
