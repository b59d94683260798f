/**
 * @file What a run keeps of each chunk. The head of an experiment has the newest chunks. The chunks before them lie in
 * immutable pages, so that the head of a long run is as small as that of a short one.
 */
import { z } from 'zod';
import { digestSchema } from './records.ts';

export const chunkSchema = z.strictObject({
  from: z.int(),
  to: z.int(),
  log: digestSchema,
  /** A lineage: the action of the chunk. It stays when its result is deleted. Absent: of an earlier version. */
  record: digestSchema.exactOptional(),
  /** Steps whose gradient was not finite; absent: none, or the chunk is of an earlier version. */
  skipped: z.int().positive().exactOptional(),
  /** Ids of the pictures that the first of these steps may be blamed on, each once. */
  suspects: z.array(z.string()).exactOptional(),
  /** Of a run whose micro-batch was made smaller: that of the chunk. */
  micro_batch: z.int().positive().exactOptional(),
  /** Of the steps whose loss was finite. */
  loss: z.strictObject({ first: z.number(), median: z.number() }).exactOptional(),
  /** Steps whose loss leapt, the worst of them, and how many times the loss before it had; absent: none. */
  spikes: z.strictObject({ count: z.int().positive(), step: z.int(), times: z.number() }).exactOptional(),
  /** The loss of flow matching on held-out and on trained pictures; absent: not measured. */
  flow_loss: z.strictObject({ held_out: z.number(), train: z.number() }).exactOptional(),
  /** Numbers of the machine that trained it, by the tags of TensorBoard: rates, waits, memory. */
  metrics: z.record(z.string(), z.number()).exactOptional(),
  /** Border step -> the document that it made of the checkpoint at the end of the chunk. */
  artifacts: z.record(z.string(), digestSchema),
});
export type Chunk = z.output<typeof chunkSchema>;

/** A page with the chunks of the steps [from, to). */
export const pageRefSchema = z.strictObject({
  from: z.int(),
  to: z.int(),
  /** 0: a page of chunks. n: a page of pages of level n - 1. */
  level: z.int().nonnegative(),
  page: digestSchema,
});
export type PageRef = z.output<typeof pageRefSchema>;

/** `links` are the logs, records and artifacts of its chunks. */
export const chunkPageSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('chunks'),
  chunks: z.array(chunkSchema),
  links: z.array(digestSchema),
});

/** `links` are its pages. */
export const chunkIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('chunk-pages'),
  pages: z.array(pageRefSchema),
  links: z.array(digestSchema),
});

const flowLossAtSchema = z.strictObject({ to: z.int(), held_out: z.number(), train: z.number() });

/** What alarms, notes and the home page need of successive chunks. */
export const chunksSummarySchema = z.strictObject({
  from: z.int(),
  to: z.int(),
  /** The first loss of the first chunk. */
  first_loss: z.number().exactOptional(),
  /** Steps whose gradient was not finite. */
  skipped: z.int().positive().exactOptional(),
  /** Pictures that may be blamed for them, the last ones first. */
  suspects: z.array(z.string()).exactOptional(),
  /** Steps whose loss leapt, and the worst of them. */
  spikes: z.strictObject({ count: z.int().positive(), step: z.int(), times: z.number() }).exactOptional(),
  /** Losses of flow matching on the newest dataset: where their gap was narrowest, the held-out one smallest, last. */
  flow_loss: z
    .strictObject({ narrowest: flowLossAtSchema, smallest: flowLossAtSchema, last: flowLossAtSchema })
    .exactOptional(),
  /** Border step -> its newest document. */
  artifacts: z.record(z.string(), digestSchema),
});
export type ChunksSummary = z.output<typeof chunksSummarySchema>;

/** The chunks before those in the head: the pages that have them, oldest first, and their summary. */
export const earlierChunksSchema = z.strictObject({
  pages: z.array(pageRefSchema).min(1),
  summary: chunksSummarySchema,
});
