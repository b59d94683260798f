/**
 * @file The document that a comparison reads: arms, their runs, and the blobs that hold what the runs measured. Equal
 * documents give equal reports, whatever becomes of the experiments.
 */
import { z } from 'zod';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { digestSchema, engineSpecSchema, type Note, nameSchema, trainingPlanSchema } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { readChunks } from '../experiments/chunk-pages.ts';
import { withBefore } from '../experiments/copies-before.ts';
import { readConfig, readHead } from '../experiments/experiment-head.ts';
import { noteExperiment } from '../experiments/note-experiment.ts';
import type { ArmPlan } from './comparison-request.ts';

const chunkSchema = z.strictObject({
  from: z.int(),
  to: z.int(),
  log: digestSchema,
  /** Numbers of the machine, by the tags of TensorBoard. */
  metrics: z.record(z.string(), z.number()).exactOptional(),
  /** Border step -> its document. */
  artifacts: z.record(z.string(), digestSchema),
});
export type ComparedChunk = z.output<typeof chunkSchema>;

const runSchema = z.strictObject({
  experiment: nameSchema,
  seed: z.union([z.int(), z.string()]),
  state: z.enum(['paused', 'running', 'done', 'failed']),
  /** Samples at which it is done. */
  target: z.int(),
  /** The whole config, `run` included. */
  config: digestSchema,
  dataset: digestSchema,
  dataset_name: nameSchema.exactOptional(),
  engine: engineSpecSchema,
  plan: trainingPlanSchema,
  /** It began with the state or the weights of another: `NAME at step N`. */
  began_with: z.string().exactOptional(),
  /** Alarms and other notes of the experiment: leaps of its loss, a gap to held-out pictures, steps left out. */
  notes: z.array(z.string()).exactOptional(),
  chunks: z.array(chunkSchema),
});
export type ComparedRun = z.output<typeof runSchema>;

const comparedRunsSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('compared-runs'),
  title: z.string(),
  /** The baseline first. */
  arms: z.array(z.strictObject({ name: z.string(), runs: z.array(runSchema).min(1) })).min(1),
  questions: z.array(
    z.strictObject({ question: z.string(), base: z.string(), arm: z.string(), measures: z.array(z.string()) }),
  ),
  links: z.array(digestSchema),
});
export type ComparedRuns = z.output<typeof comparedRunsSchema>;

export function readComparedRuns(blobs: BlobStore, digest: Digest): Promise<ComparedRuns> {
  return readDocument(blobs, digest, comparedRunsSchema, 'a list of compared runs');
}

/** What the heads of the experiments say now. @throws NotFound for a name that is no experiment */
export async function collectRuns(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  { arms, title, questions }: ArmPlan,
): Promise<ComparedRuns> {
  const collected = await Promise.all(
    arms.map(async ({ name, experiments }) => ({
      name,
      runs: await Promise.all(
        experiments.map(async experiment => {
          const head = await withBefore({ store, blobs }, (await readHead(store, experiment)).value);
          const config = await readConfig(blobs, head);
          const notes = await noteExperiment({ store, blobs }, experiment, { head, config });
          return describeRun(experiment, head, await readChunks(blobs, head), { seed: config.seed, notes });
        }),
      ),
    })),
  );
  const runs = collected.flatMap(arm => arm.runs);
  const links = runs.flatMap(({ config, chunks }) => [
    config,
    ...chunks.flatMap(({ log, artifacts }) => [log, ...Object.values(artifacts)]),
  ]);
  return {
    v: 1,
    kind: 'compared-runs',
    title,
    arms: collected,
    questions: questions.map(question => ({ ...question })),
    links: [...new Set(links)],
  };
}

/**
 * An experiment whose dataset was deleted after its run was collected: the run names what the experiment has no more,
 * and a report of it shows pictures. A deletion that ends later finds the report.
 */
export async function findDeleted(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  { arms }: Pick<ComparedRuns, 'arms'>,
): Promise<string | undefined> {
  for (const { experiment, chunks } of arms.flatMap(({ runs }) => runs)) {
    const head = (await createRefs(store).experiments.read(experiment))?.value;
    if (!head?.dataset_deleted) continue;
    const kept = new Set((await readChunks(blobs, head)).flatMap(({ artifacts }) => Object.values(artifacts)));
    const named = chunks.flatMap(({ artifacts }) => Object.values(artifacts));
    if (named.some(digest => !kept.has(digest))) return experiment;
  }
  return undefined;
}

function describeRun(
  experiment: string,
  head: ExperimentHead,
  chunks: readonly Chunk[],
  { seed, notes }: { readonly seed: ComparedRun['seed']; readonly notes: readonly Note[] },
): ComparedRun {
  const { state, target, config, dataset, dataset_name, engine, plan, branched_from, init_from } = head;
  const origin = branched_from ?? init_from;
  return {
    experiment,
    seed,
    state,
    target,
    config,
    dataset,
    ...(dataset_name !== undefined && { dataset_name }),
    engine,
    plan,
    ...(origin && { began_with: `${origin.experiment} at step ${origin.step}` }),
    ...(notes.length > 0 && { notes: notes.map(({ text }) => text) }),
    chunks: chunks.map(({ from, to, log, metrics, artifacts }) => ({
      from,
      to,
      log,
      ...(metrics && { metrics }),
      artifacts,
    })),
  };
}
