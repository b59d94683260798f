/** @file Messages between server and gpu-runner over loopback HTTP: plain JSON with digests, no tensors. */

import { z } from 'zod';
import { checkpointingSchema } from '../configs/gradient-checkpointing.ts';
import { LPIPS_MODELS } from '../configs/lpips.ts';
import { progressSchema } from '../configs/progress.ts';
import { samplingSchema } from '../configs/sampling.ts';
import { wireErrorSchema } from '../errors-wire.ts';
import { blobRefSchema, digestSchema, engineSpecSchema, trainingPlanSchema } from '../storage/records.ts';

/** Steps [from, to) from one checkpoint to the next. */
export const trainChunkJobSchema = z.strictObject({
  kind: z.literal('train-chunk'),
  /** Digest of the keyed config (configs/schema.ts keyedConfigSchema). */
  config: digestSchema,
  /** Absent: initialise from the config's seed; `from` is then 0. */
  parent: digestSchema.optional(),
  dataset: digestSchema,
  from: z.int().nonnegative(),
  to: z.int().positive(),
  /** safetensors blobs of the frozen nets that the losses read, by net. */
  weights: z.record(z.string(), z.array(digestSchema).min(1)).optional(),
  engine: engineSpecSchema,
  plan: trainingPlanSchema,
});

/** Averages of checkpoints of one training, times a factor each: an average of another length. */
const tracesSchema = z
  .array(z.strictObject({ checkpoint: digestSchema, average: z.int().nonnegative(), factor: z.number() }))
  .min(1);

/** ema: the first average. raw: the weights of the last step. average: another one, in the order of averagesOf. */
const jobWeightsSchema = z.union([
  z.enum(['ema', 'raw']),
  z.strictObject({ average: z.int().nonnegative() }),
  z.strictObject({ traces: tracesSchema }),
]);
export type JobWeights = z.infer<typeof jobWeightsSchema>;

/** Weights of a checkpoint; or those before the first step of a training with a keyed config. */
const networkSchema = z.union([
  z.strictObject({ checkpoint: digestSchema, weights: jobWeightsSchema }),
  z.strictObject({ config: digestSchema }),
]);
export type JobNetwork = z.infer<typeof networkSchema>;

/** Makes pictures from a network, one per row of the conditions. */
export const sampleJobSchema = z.strictObject({
  kind: z.literal('sample'),
  network: networkSchema,
  /**
   * safetensors blob: text f32 [n, tokens, dim] and text_mask f32 [n, tokens]; cls [n, dim], patches [n, rows, columns,
   * dim], pose [n, 133, 3]; negative_text, negative_text_mask. All are optional. With none, `noise` says how many.
   */
  conditions: digestSchema,
  width: z.int().positive(),
  height: z.int().positive(),
  ...samplingSchema.shape,
  /** Row i starts from the noise of (seed, first + i). */
  first: z.int().nonnegative(),
  /** Row i starts from the noise of (seed, noise[i]) instead. */
  noise: z.array(z.int().nonnegative()).min(1).optional(),
  engine: engineSpecSchema,
});

/** Measures the flow loss of a checkpoint on held-out pictures, and on as many trained ones. */
export const flowLossJobSchema = z.strictObject({
  kind: z.literal('flow-loss'),
  checkpoint: digestSchema,
  dataset: digestSchema,
  /** The first so many of each split. */
  pictures: z.int().positive(),
  /** Samples at once; divides the 8 times at which a picture is measured. */
  batch: z.int().positive(),
  /** Of each picture and time; absent: one. */
  noises: z.int().positive().optional(),
  engine: engineSpecSchema,
});

/** A column of a page, or of the conditions of a sample, through an encoder of gpu-runner/encoders/encoders.ts. */
export const encodeJobSchema = z.strictObject({
  kind: z.literal('encode'),
  encoder: z.string(),
  /** Of the encoder: server and runner must be of one version. */
  version: z.int().min(1),
  /** The column of `column`, whose members are captions or pictures. */
  reads: z.enum(['caption', 'image']),
  options: z.record(z.string(), z.json()),
  /** Blobs by part, hashed when they are read. */
  weights: z.record(z.string(), z.array(digestSchema).min(1)),
  column: digestSchema,
  /** Absent: all members, whole. */
  sample: z
    .strictObject({
      /** Ids of the members that are encoded. */
      ids: z.array(z.string()).min(1),
      /** Of the patches of each so many, evenly spread: `patches` is [taken, dim]. */
      patches: z.int().min(1),
    })
    .exactOptional(),
  engine: engineSpecSchema,
});

/** Compares the pictures of two columns pair by pair, by a network that the gpu-runner knows. */
export const distanceJobSchema = z.strictObject({
  kind: z.literal('distance'),
  net: z.enum(LPIPS_MODELS),
  /** Blobs by part, of which the tensors together are those of the net. */
  weights: z.record(z.string(), z.array(digestSchema).min(1)),
  /** Columns of pictures of the same ids and sizes. */
  a: digestSchema,
  b: digestSchema,
  /** Computes in f32. */
  engine: engineSpecSchema.extend({ precision: z.literal('f32') }),
});

/** Plans the memory of a training on a device, which need not be in this machine, and how its updates are cut. */
export const planJobSchema = z.strictObject({
  kind: z.literal('plan'),
  /** Digest of the keyed config, with the conditions and sizes of the training. */
  config: digestSchema,
  width: z.int().positive(),
  height: z.int().positive(),
  text_tokens: z.int().nonnegative(),
  /** Pictures that are previewed at a time. */
  previews: z.int().min(1),
  engine: z.strictObject({ name: engineSpecSchema.shape.name, precision: engineSpecSchema.shape.precision }),
  /** A card of configs/cards.ts that the engine would run on; absent: the device of this machine. */
  card: z.string().optional(),
  /** True predicts from graphs where the engine's compiler would take minutes. The prediction is on the safe side. */
  quick: z.boolean().optional(),
  /** Of the engine or its compiler: another version plans anew. */
  version: z.string(),
  memory_bytes: z.int().positive(),
  reserve_bytes: z.int().nonnegative(),
  largest_micro_batch: z.int().min(1),
  micro_batch: z.int().min(1).optional(),
  gradient_checkpointing: checkpointingSchema.optional(),
});

/** The weights of a checkpoint as safetensors files. */
export const exportJobSchema = z.strictObject({
  kind: z.literal('export'),
  checkpoint: digestSchema,
  weights: jobWeightsSchema,
});

/** Measures how fast an engine multiplies matrices: what estimates of time begin with. */
export const rateJobSchema = z.strictObject({ kind: z.literal('rate'), engine: engineSpecSchema });

/** Measures on the device which kernels are the fastest for the programs of a training. */
export const tuneJobSchema = trainChunkJobSchema
  .omit({ parent: true, from: true, to: true })
  .extend({ kind: z.literal('tune') });

/**
 * The kinds of jobs. A new kind is a row here, a handler in a file of jobs/, and a row in jobs/handlers.ts. Jobs of a
 * kind with a priority above 0 are interactive: they run before waiting jobs of priority 0, and between the steps of a
 * running one. A job of a kind that is `beside` does not use the device: it runs at the same time as other jobs.
 */
export const JOB_KINDS = {
  rate: { schema: rateJobSchema, priority: 1, beside: false },
  'train-chunk': { schema: trainChunkJobSchema, priority: 0, beside: false },
  tune: { schema: tuneJobSchema, priority: 0, beside: false },
  sample: { schema: sampleJobSchema, priority: 1, beside: false },
  'flow-loss': { schema: flowLossJobSchema, priority: 0, beside: false },
  encode: { schema: encodeJobSchema, priority: 1, beside: false },
  distance: { schema: distanceJobSchema, priority: 1, beside: false },
  plan: { schema: planJobSchema, priority: 0, beside: true },
  export: { schema: exportJobSchema, priority: 1, beside: true },
} as const;

export type JobKind = keyof typeof JOB_KINDS;
/** A job of kind K; without K, a job of any kind. */
export type Job<K extends JobKind = JobKind> = {
  [P in K]: { readonly kind: P } & z.infer<(typeof JOB_KINDS)[P]['schema']>;
}[K];
export type TrainChunkJob = Job<'train-chunk'>;
export type TuneJob = Job<'tune'>;
export type SampleJob = Job<'sample'>;
export type FlowLossJob = Job<'flow-loss'>;
export type EncodeJob = Job<'encode'>;
export type DistanceJob = Job<'distance'>;
export type PlanJob = Job<'plan'>;
export type ExportJob = Job<'export'>;

type JobSchema = (typeof JOB_KINDS)[JobKind]['schema'];

/** Zod asks for a tuple of at least one schema; the table has at least one row. */
export const jobSchema = z.discriminatedUnion(
  'kind',
  Object.values(JOB_KINDS).map(row => row.schema) as [JobSchema, ...JobSchema[]],
);

export function isInteractive(job: Job): boolean {
  return JOB_KINDS[job.kind].priority > 0;
}

export function isBeside(job: Job): boolean {
  return JOB_KINDS[job.kind].beside;
}

/**
 * train-chunk: outputs `checkpoint` (Checkpoint JSON) and `log` (JSON Lines { step, samples, loss, grad_norm,
 * learning_rate, skipped }, with `loss_t/FROM-TO` by time, `loss/NAME` of each loss when there are several,
 * `loss_scale` in f16, and `reason` and `suspects` when the step was skipped). `to` is the last step, smaller than
 * asked when a shutdown cut the chunk short. sample: output `pixels`, npy uint8 [n, height, width, 3]. flow-loss:
 * output `flow_loss`, JSON of `validationSchema` (configs/validation.ts). encode: one output for each signal that the
 * encoder makes: its column, a tar with a member for each member of `column`; and `facts`, JSON { id: { name: number }
 * }, if the encoder finds out more about its inputs. distance: output `distances`, npy f32 [n], a number for each
 * member of `a`, in their order. plan: output `plan`, JSON of `memoryPlanSchema`
 * (configs/memory-plan.ts). rate: no output; `stats.operations_per_second`. export: output `weights`, or one for each
 * part of them. tune: output `choices`, text for `autotune` of an engine, if the engine measured any.
 */
export const jobResultSchema = z.strictObject({
  outputs: z.record(z.string(), blobRefSchema),
  links: z.array(digestSchema),
  stats: z.record(z.string(), z.json()),
  to: z.int().optional(),
});
export type JobResult = z.infer<typeof jobResultSchema>;

/** A server-sent event of a job. The last one is `done` or `failed`. */
export const jobEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('queued'), position: z.int() }),
  progressSchema.extend({ type: z.literal('progress') }).strict(),
  z.strictObject({ type: z.literal('done'), result: jobResultSchema }),
  z.strictObject({ type: z.literal('failed'), error: wireErrorSchema.strict() }),
]);
export type JobEvent = z.infer<typeof jobEventSchema>;

/** The answer to PUT (202, or 200 with the remembered `result`) and to GET of a job. */
export const jobDocumentSchema = z.strictObject({
  v: z.literal(1),
  action: digestSchema,
  state: z.enum(['queued', 'running', 'done', 'failed']),
  result: jobResultSchema.optional(),
});
export type JobDocument = z.infer<typeof jobDocumentSchema>;

/** The answer to GET /status. */
export const runnerStatusSchema = z.strictObject({
  v: z.literal(1),
  pid: z.int(),
  /** Seconds since start. */
  uptime: z.number(),
  device: z.string(),
  /** Milliseconds since the main thread last answered the control worker. */
  heartbeat_age_ms: z.number(),
  running: z.strictObject({ action: digestSchema, kind: z.string(), phase: z.string().optional() }).nullable(),
  queued: z.int(),
  finished: z.int(),
  /** Bytes of memory that the gpu-runner may have at most, and could take now; absent: it does not say. */
  memory: z
    .strictObject({ limit_bytes: z.int().nonnegative(), free_bytes: z.int().nonnegative().optional() })
    .optional(),
  /** The gpu-runner before this one was killed because memory ran out. */
  killed_for_memory: z.boolean().optional(),
  /** The runner finishes its step and takes no further jobs. */
  stopping: z.boolean(),
  engines: z.array(
    z.strictObject({
      name: z.string(),
      available: z.boolean(),
      device: z.string().optional(),
      version: z.string().optional(),
      threads: z.int().optional(),
      /** `auto` takes the first; absent: f32. */
      precisions: z.array(engineSpecSchema.shape.precision).readonly().optional(),
      /** Memory of the device; for a CPU, of this machine. */
      memory_bytes: z.int().positive().optional(),
      /** How to make this machine faster. */
      advice: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
});
export type RunnerStatus = z.infer<typeof runnerStatusSchema>;

/** The routes of the control worker. Every request has the header `authorization: Bearer <secret>`. */
export const RUNNER_ROUTES = {
  /**
   * PUT of a job under the digest of its action starts it, joins the running job, or answers at once with a remembered
   * result. GET shows the job. DELETE cancels it; with `?client=ID`, only if no stream of another client follows it.
   */
  job: '/jobs/:action',
  /**
   * GET: {@link JobEvent}s as server-sent events, replayed after Last-Event-ID; `?client=ID` names the client. The
   * stream ends after `done` or `failed`; an earlier end means that the runner stops.
   */
  events: '/jobs/:action/events',
  status: '/status',
} as const;

/** Implemented over HTTP in gpu-runner/client/client.ts. */
export interface RunnerClient {
  /**
   * Runs a job to its end. Aborting `signal` cancels the job.
   * @throws Busy when no runner is reachable or all queues are full.
   */
  run(
    action: string,
    job: Job,
    options: { readonly signal: AbortSignal; readonly onEvent?: (event: JobEvent) => void },
  ): Promise<JobResult>;
  status(): Promise<RunnerStatus>;
}
