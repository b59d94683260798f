/**
 * @file The view `experiments/<name>/`, derived from the head and its blobs. Only index.json and README.md ever change.
 */

import { stringify } from 'yaml';
import { signalShares } from '../../configs/dropout.ts';
import { describePrecision } from '../../configs/engines.ts';
import { describeCheckpointing } from '../../configs/gradient-checkpointing.ts';
import { quantity } from '../../configs/quantity.ts';
import type { Config } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import { encodeTfEvents } from '../../formats/tfevents.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Chunk, ChunksSummary } from '../../storage/chunk-record.ts';
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import type { ViewLayout } from '../../storage/view-layout.ts';
import type { ServerAddress } from '../define.ts';
import { ARTIFACTS } from '../experiments/border/artifacts.ts';
import type { ArtifactKind } from '../experiments/border/border-step.ts';
import { stepsFor } from '../experiments/chunks.ts';
import { isMemorizing } from '../experiments/copies.ts';
import { withBefore } from '../experiments/copies-before.ts';
import { type Experiment, stepOf } from '../experiments/experiment-head.ts';
import { noteExperiment } from '../experiments/note-experiment.ts';
import { readSummaries } from './metrics.ts';
import {
  copyBlob,
  deleteFiles,
  deleteView as deleteFolder,
  encodeJson,
  putFile,
  type WritableView,
} from './view-files.ts';

export const EXPERIMENT_VIEW: ViewLayout = {
  files: ['config.yaml', 'index.json', 'README.md'],
  folders: ['checkpoints', 'log', 'tensorboard', ...ARTIFACTS.map(({ artifact }) => artifact.folder)],
};

/** The store that views are written to, the blobs that they show, and the address of the server that they print. */
export interface ViewSite {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly address?: (() => ServerAddress | undefined) | undefined;
}

export interface ViewTarget extends ViewSite {
  /** Name of the experiment. */
  readonly name: string;
}

/** The view of an experiment. */
export function viewOf({ store, blobs, address }: ViewSite, name: string): ViewTarget {
  return { store, blobs, address, name };
}

export function stepName(step: number): string {
  return `step${String(step).padStart(7, '0')}`;
}

/** Name of a chunk's file. Chunks never change, so neither do their files. */
export function rangeName({ from, to }: Pick<Chunk, 'from' | 'to'>): string {
  return `${String(from).padStart(7, '0')}-${String(to).padStart(7, '0')}`;
}

export function logName(chunk: Pick<Chunk, 'from' | 'to'>): string {
  return `${rangeName(chunk)}.jsonl`;
}

/** Writes the log, its form for TensorBoard, and the artifacts of one chunk. @returns Their names. */
export async function writeChunkFiles(view: ViewTarget, chunk: Chunk): Promise<string[]> {
  const folder = folderOf(view);
  const log = `log/${logName(chunk)}`;
  await copyBlob(folder, log, chunk.log);
  const scalars = `tensorboard/events.out.tfevents.${rangeName(chunk)}`;
  const events = encodeTfEvents(await readSummaries(view.blobs, chunk));
  await putFile(folder, scalars, events, 'application/octet-stream');
  const files = [log, scalars];
  for (const { artifact, digest } of listArtifacts(chunk)) {
    for (const { name, ...content } of await artifact.readFiles(view.blobs, digest)) {
      const file = artifactFolder(artifact, chunk) + name;
      if ('blob' in content) await copyBlob(folder, file, content.blob);
      else await putFile(folder, file, encodeJson(content.json), 'application/json');
      files.push(file);
    }
  }
  return files;
}

/** Artifacts of a chunk whose border step this program knows. */
function listArtifacts({ artifacts }: Chunk) {
  return ARTIFACTS.flatMap(({ name, artifact }) => {
    const digest = artifacts[name];
    return digest ? [{ name, artifact, digest }] : [];
  });
}

function artifactFolder({ folder }: ArtifactKind, { to }: Chunk): string {
  return `${folder}/${stepName(to)}/`;
}

/** Writes the manifest of a kept checkpoint. @returns Its name. */
export async function writeCheckpointFile(view: ViewTarget, kept: KeptCheckpoint): Promise<string> {
  await copyBlob(folderOf(view), checkpointFile(kept), kept.checkpoint);
  return checkpointFile(kept);
}

/** Deletes the file of a checkpoint. Call it before the checkpoint's blobs are deleted. */
export function deleteCheckpointFile(view: ViewTarget, kept: KeptCheckpoint): Promise<void> {
  return deleteFiles(folderOf(view), [checkpointFile(kept)]);
}

/** Writes config.yaml, and the head for people (README.md) and programs (index.json). @returns Their names. */
export async function writeSummary(view: ViewTarget, stored: ExperimentHead, config: Config): Promise<string[]> {
  const folder = folderOf(view);
  const head = await withBefore(view, stored);
  await putFile(folder, 'config.yaml', Buffer.from(stringify(config)), 'application/yaml');
  const notes = await noteExperiment(view, view.name, { head, config });
  await putFile(folder, 'README.md', Buffer.from(describeForPeople(view, head, config, notes)), 'text/markdown');
  await putFile(folder, 'index.json', encodeJson(describeHead(view.name, head, config, notes)), 'application/json');
  return ['config.yaml', 'README.md', 'index.json'];
}

export function deleteView(store: ObjectStore, name: string): Promise<void> {
  return deleteFolder({ store, prefix: `experiments/${name}/` });
}

/** The body of `GET /experiments/<name>` and of index.json. */
export async function describeExperiment(view: ViewTarget, { head: stored, config }: Experiment) {
  const head = await withBefore(view, stored);
  return describeHead(view.name, head, config, await noteExperiment(view, view.name, { head, config }));
}

function describeHead(name: string, head: ExperimentHead, config: Config, notes: readonly Note[]) {
  const step = stepOf(head);
  return {
    v: 1,
    name,
    state: head.state,
    ...describeProblem(name, head),
    ...(notes.length > 0 && { notes: [...notes] }),
    step,
    steps: stepsFor(head.target, config.data.batch_size),
    samples: step * config.data.batch_size,
    target: head.target,
    ...(head.extended && { extended: head.extended }),
    ...(head.checkpoint && { checkpoint: head.checkpoint }),
    config: head.config,
    dataset: head.dataset,
    ...(head.dataset_name !== undefined && { dataset_name: head.dataset_name }),
    ...(head.former_datasets && { former_datasets: head.former_datasets }),
    ...(config.data.image_size && { image_size: config.data.image_size }),
    ...(head.dataset_deleted && { dataset_deleted: true }),
    ...describeOrigin(head),
    trained_with: describeSignals(config),
    engine: head.engine,
    computes_in: describePrecision(head.engine.precision),
    plan: head.plan,
    ...(head.plan_changes && { plan_changes: head.plan_changes }),
    checkpoints: listKept(head).map(kept => ({
      ...kept,
      ...(head.pinned.some(({ checkpoint }) => checkpoint === kept.checkpoint) && { pinned: true }),
      ...(head.best?.checkpoint === kept.checkpoint && { best: true, held_out_loss: head.best.held_out_loss }),
      ...(head.clean?.checkpoint === kept.checkpoint && { clean: true }),
      ...(isMemorizing(head, kept.step) && { memorizing: true }),
      file: checkpointFile(kept),
    })),
    chunks: head.chunks.map(describeChunk),
    ...(head.earlier && { earlier_chunks: describeEarlier(head.earlier.summary) }),
  } satisfies Json;
}

function describePlan({ plan: { gradient_checkpointing: mode } }: ExperimentHead): string {
  return mode === false ? '' : `, ${describeCheckpointing(mode)}`;
}

/** Which signals of a picture that has them all are trained together, and in which share of the samples. */
function describeSignals({ model, objective }: Config) {
  return signalShares(signalsOf(model.conditions), objective.cfg_dropout).map(row => ({
    ...row,
    keeps: [...row.keeps],
  }));
}

/** `text and cls 60 %, text 25 %, no signal 15 %`. */
function describeSignalsForPeople(config: Config): string {
  const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;
  return describeSignals(config)
    .map(({ keeps, share }) => `${keeps.join(' and ') || 'no signal'} ${percent(share)}`)
    .join(', ');
}

/** The steps of the chunks that are not listed. */
function describeEarlier({ from, to }: ChunksSummary) {
  return { from, to };
}

/** A chunk, with the files of the view that show it. */
export function describeChunk(chunk: Chunk) {
  const shown = listArtifacts(chunk).map(({ name, artifact }) => [name, artifactFolder(artifact, chunk)] as const);
  const folders = Object.fromEntries(shown);
  return {
    ...chunk,
    file: `log/${logName(chunk)}`,
    folders,
    // For clients that know only previews.
    ...(chunk.artifacts.preview && { previews: chunk.artifacts.preview, previews_folder: folders.preview ?? '' }),
  };
}

function describeForPeople(
  { name, address }: ViewTarget,
  head: ExperimentHead,
  config: Config,
  notes: readonly Note[],
): string {
  const { step, steps, samples } = describeHead(name, head, config, notes);
  const { hidden_size, depth, patch_size } = config.model;
  return `# ${name}

${STATE_WORDS[head.state]}: step ${step} of ${steps}, ${samples} of ${head.target} samples.
${describeProblemForPeople(head)}${notes.map(({ text }) => `\nNote: ${text}.\n`).join('')}
| | |
|---|---|
| model | ${hidden_size} wide, ${depth} deep, patches of ${patch_size} px |
| trained with | ${describeSignalsForPeople(config)} |
| engine | ${head.engine.name}, ${head.engine.precision}, ${quantity(head.engine.threads, 'thread')}, micro-batch ${head.plan.micro_batch}${describePlan(head)} |
| dataset | ${describeDatasetForPeople(head, config)} |
| checkpoint | ${head.checkpoint ? `\`${head.checkpoint}\`` : 'none yet'} |
${describeFormerForPeople(head)}${describeOriginForPeople(head)}
- config.yaml: the whole config. index.json: this page for programs.
- log/: one file of JSON Lines per chunk of steps (losses, gradient norms, learning rate).
- tensorboard/: the same for \`tensorboard --logdir\`, with the pictures; its wall time counts samples.
${ARTIFACTS.map(({ artifact }) => artifact.describe(config)).join('\n')}
- checkpoints/: manifests of the checkpoints that are kept${describePins(head)}; their tensors lie under cas/.

${describeWayOn(`/experiments/${name}/train`, address?.())}
`;
}

/** A server that starts elsewhere prints its own address when it next writes the page. */
function describeWayOn(path: string, address: ServerAddress | undefined): string {
  if (address === undefined) return `Go on: POST ${path}`;
  const token = address.needsToken ? ' -H "authorization: Bearer $EASEL_TOKEN"' : '';
  return `Go on: \`curl -X POST ${address.url}${path} -H 'content-type: application/json'${token} -d '{}'\``;
}

/** Why and when the training failed, and the call that goes on with it. */
function describeProblem(name: string, { problem }: ExperimentHead) {
  if (problem === undefined) return {};
  const { code, text, expected, hint, time } = problem;
  return {
    problem: {
      code,
      text,
      ...(expected !== undefined && { expected }),
      ...(hint !== undefined && { hint }),
      time,
      again: `POST /experiments/${name}/train`,
    },
  };
}

function describeProblemForPeople({ problem }: ExperimentHead): string {
  if (problem === undefined) return '';
  const { text, expected, hint, time } = problem;
  const rest = [expected && `Expected: ${expected}.`, hint && `What to do: ${hint}.`].filter(Boolean);
  return `\n${[`It stopped at ${time}: ${text}.`, ...rest].join('\n')}\n`;
}

/** Experiment, step and checkpoint that a branch began at, or whose weights a training began with. */
function describeOrigin({ branched_from, init_from }: ExperimentHead) {
  if (branched_from === undefined) return init_from ? { init_from } : {};
  const { experiment, step, checkpoint } = branched_from;
  return { branched_from: { experiment, step, checkpoint } };
}

/** Its name or those of its sets, and its digest. */
function describeDatasetForPeople({ dataset_name, dataset }: ExperimentHead, { data }: Config): string {
  const sets = data.datasets?.map(({ name, weight, repeats }) => `${name} x ${weight * repeats}`);
  return [...(sets ?? [dataset_name].filter(name => name !== undefined)), `\`${dataset}\``].join(', ');
}

/** Rows of the README's table, for a run that moved to another dataset. */
function describeFormerForPeople({ former_datasets: former = [] }: ExperimentHead): string {
  return former.map(({ dataset, until }) => `| up to step ${until} on | \`${dataset}\` |\n`).join('');
}

/** A row of the README's table, for a branch, or for a training that began with weights of another. */
function describeOriginForPeople({ branched_from, init_from }: ExperimentHead): string {
  if (init_from) {
    const { experiment, step, checkpoint } = init_from;
    return `| began with the weights of | ${experiment} at step ${step}, \`${checkpoint}\` |\n`;
  }
  if (branched_from === undefined) return '';
  const { experiment, step, checkpoint } = branched_from;
  return `| branched from | ${experiment} at step ${step}, \`${checkpoint}\` |\n`;
}

function describePins({ pinned, best, clean, memorizing, began_memorizing }: ExperimentHead): string {
  const marks = [
    ...(pinned.length > 0 ? [`pinned: step ${pinned.map(({ step }) => step).join(', ')}`] : []),
    ...(best ? [`best: step ${best.step}, held-out loss ${Number(best.held_out_loss.toPrecision(4))}`] : []),
    ...(clean ? [`clean: step ${clean.step}`] : []),
    ...(memorizing && !began_memorizing ? [`memorizing from step ${memorizing.step} on`] : []),
    ...(began_memorizing ? ['all memorizing'] : []),
  ];
  return marks.length === 0 ? '' : ` (${marks.join('; ')})`;
}

const STATE_WORDS: Readonly<Record<ExperimentHead['state'], string>> = {
  running: 'In training',
  paused: 'Paused',
  done: 'Done',
  failed: 'Failed',
};

function checkpointFile({ step }: KeptCheckpoint): string {
  return `checkpoints/${stepName(step)}.json`;
}

function folderOf({ store, name }: ViewTarget): WritableView {
  return { store, prefix: `experiments/${name}/`, layout: EXPERIMENT_VIEW };
}
