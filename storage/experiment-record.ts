/** @file The head of an experiment: what is stored under its name. */
import { z } from 'zod';
import { extensionSchema } from '../configs/optimizer.ts';
import { chunkSchema, earlierChunksSchema } from './chunk-record.ts';
import { digestSchema, engineSpecSchema, formerEngineSchema, nameSchema, trainingPlanSchema } from './records.ts';

const keptCheckpointSchema = z.strictObject({ step: z.int(), checkpoint: digestSchema, result: digestSchema });
export type KeptCheckpoint = z.infer<typeof keptCheckpointSchema>;

const bestCheckpointSchema = keptCheckpointSchema.extend({ held_out_loss: z.number() });
export type BestCheckpoint = z.infer<typeof bestCheckpointSchema>;

/** A checkpoint of another experiment from which a run goes on. */
const originSchema = keptCheckpointSchema.omit({ result: true }).extend({ experiment: nameSchema });
export type Origin = z.infer<typeof originSchema>;

/** The step whose check found copies of training pictures, and the share of them in what it draws. */
const copiesSchema = z.strictObject({ step: z.int(), rate: z.number(), extractor: z.string() });

const trainingProblemSchema = z.strictObject({
  code: z.string(),
  /** HTTP status of the answer that told it. */
  status: z.int(),
  text: z.string(),
  expected: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  /** RFC 3339. */
  time: z.iso.datetime(),
});

const planChangeSchema = z.strictObject({
  /** The step at which it happened. */
  step: z.int().nonnegative(),
  /** Micro-batches. */
  from: z.int().positive(),
  to: z.int().positive(),
  /** What the engine said. */
  reason: z.string(),
  /** RFC 3339. */
  time: z.iso.datetime(),
});

/** The fields of an experiment's head in every version. */
const headFields = {
  /** Absent before the first chunk. */
  checkpoint: digestSchema.optional(),
  /** The whole effective config, `run` included. */
  config: digestSchema,
  dataset: digestSchema,
  /** The name that meant the dataset when the experiment got it. It may mean a newer one by now. */
  dataset_name: nameSchema.exactOptional(),
  /** Datasets that it was trained on before, oldest first, each up to a step. Their blobs are not kept. */
  former_datasets: z.array(z.strictObject({ dataset: digestSchema, until: z.int().nonnegative() })).exactOptional(),
  /** The pictures were deleted on purpose. Checkpoints stay, and training cannot go on. */
  dataset_deleted: z.literal(true).optional(),
  /** Samples at which the run is done. */
  target: z.int().positive(),
  state: z.enum(['paused', 'running', 'done', 'failed']),
  /** Of the state `failed`: the error that ended the training, and when. */
  problem: trainingProblemSchema.exactOptional(),
  /** The newest checkpoints: the last and the `keep` before it, oldest first. `result` is the action that made it. */
  history: z.array(keptCheckpointSchema),
  /** Checkpoints that left the history and whose blobs may still exist: a killed prune goes on from here. */
  superseded: z.array(keptCheckpointSchema).default([]),
};

const headSchema = z.strictObject({
  v: z.literal(2),
  ...headFields,
  engine: engineSpecSchema,
  plan: trainingPlanSchema,
  /** The newest chunks, oldest first; functions/experiments/chunk-pages.ts reads those in `earlier`, too. */
  chunks: z.array(chunkSchema).default([]),
  /** Absent: `chunks` has all of them. */
  earlier: earlierChunksSchema.exactOptional(),
  /** Checkpoints that stay until they are unpinned, oldest first. */
  pinned: z.array(keptCheckpointSchema).default([]),
  /** The checkpoint with the smallest loss on held-out pictures. Absent: none was validated. */
  best: bestCheckpointSchema.exactOptional(),
  /** The last checkpoint that a check found to draw no copies of training pictures, before `memorizing`. */
  clean: keptCheckpointSchema.exactOptional(),
  /** The first step of this run whose check found copies. Absent: none did. */
  memorizing: copiesSchema.exactOptional(),
  /**
   * A check of a run before, from which this one goes on, found copies. Stored when that run was deleted or went back
   * before the check; functions/experiments/copies-before.ts finds it as long as that run has it.
   */
  began_memorizing: copiesSchema.extend({ experiment: nameSchema }).exactOptional(),
  /** Checkpoints that are spread over the run, oldest first: see `run.keep_spaced`. Absent: none. */
  spaced: z.array(keptCheckpointSchema).exactOptional(),
  /**
   * Records, by what they tell the making of: a lineage for each dataset that it was trained on, and the lineages of
   * the chunks before the checkpoint at which it began.
   */
  lineage: z.array(z.strictObject({ of: digestSchema, record: digestSchema })).exactOptional(),
  /** When memory ran out, and the micro-batch was made smaller: see functions/driver/lower-micro-batch.ts. */
  plan_changes: z.array(planChangeSchema).exactOptional(),
  /** Where the learning rate rises from the rate that it had, in order: see `optimizer.extended` of a config. */
  extended: z.array(extensionSchema).exactOptional(),
  /** Blobs of weights that the config names: of encoders and of frozen nets. */
  weights: z.array(digestSchema).exactOptional(),
  /** The checkpoint with whose weights its first step begins; it stays as long as this experiment. */
  init_from: originSchema.exactOptional(),
  /** The checkpoint of another experiment at which this one begins; it stays as long as this experiment. */
  branched_from: keptCheckpointSchema.extend({ experiment: nameSchema }).optional(),
  /** The run before this one that is left: stored when that of `branched_from` or `init_from` was deleted. */
  ancestor: originSchema.exactOptional(),
  /**
   * Its creation has not yet seen that the run before keeps the checkpoint. A call that was killed there goes on with
   * that when it comes again: see functions/experiments/settle-origin.ts.
   */
  unsettled: z.literal(true).exactOptional(),
  /** Its deletion has begun. Nothing changes any more, and no run begins with its checkpoints. */
  deleting: z.literal(true).exactOptional(),
});

type Head = z.output<typeof headSchema>;

/** A head of before has the verdict of the run from which it branched as its own. */
function separateVerdicts({ memorizing, ...head }: Head): Head {
  const { branched_from: point } = head;
  if (memorizing === undefined) return head;
  if (point === undefined || memorizing.step > point.step) return { ...head, memorizing };
  return { ...head, began_memorizing: head.began_memorizing ?? { experiment: point.experiment, ...memorizing } };
}

const formerChunkSchema = chunkSchema
  .pick({ from: true, to: true, log: true })
  .extend({ previews: digestSchema.optional() });

/** Had the plan in `engine`, and previews as the only artifact. */
const oldHeadSchema = z
  .strictObject({
    v: z.literal(1),
    ...headFields,
    engine: formerEngineSchema,
    chunks: z.array(formerChunkSchema).default([]),
  })
  .transform(
    ({ chunks, engine: { micro_batch, gradient_checkpointing = false, ...engine }, ...head }): Head => ({
      ...head,
      v: 2,
      engine,
      plan: { micro_batch, gradient_checkpointing },
      pinned: [],
      chunks: chunks.map(({ previews, ...chunk }) => ({ ...chunk, artifacts: previews ? { preview: previews } : {} })),
    }),
  );

/** refs/experiments/<name>.json: changes only by compare-and-swap. A head of version 1 is read as one of version 2. */
export const experimentHeadSchema = z.discriminatedUnion('v', [headSchema.transform(separateVerdicts), oldHeadSchema]);
export type ExperimentHead = z.infer<typeof experimentHeadSchema>;
