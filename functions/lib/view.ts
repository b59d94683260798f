/**
 * @file What people browse under `experiments/<name>/` in any S3 client: derived from the head and its blobs, so it can be made again.
 * Only index.json and README.md ever change.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../configs/schema.ts';
import { Ambiguous, Conflict, PreconditionFailed } from '../../errors.ts';
import { encodeTfEvents } from '../../formats/tfevents.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { blobRefSchema, digestSchema, type ExperimentHead, type KeptCheckpoint } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { stepsFor } from './chunks.ts';
import { readDocument } from './documents.ts';
import { stepOf } from './experiment.ts';
import { readScalars } from './metrics.ts';

/** Output `index` of `preview`: which picture shows which prompt. */
export const previewIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('previews'),
  checkpoint: digestSchema,
  steps: z.int(),
  guidance: z.number(),
  seed: z.int(),
  pictures: z.array(z.strictObject({ prompt: z.string(), image: blobRefSchema })),
  links: z.array(digestSchema),
});
export type PreviewIndex = z.output<typeof previewIndexSchema>;

export type Chunk = ExperimentHead['chunks'][number];

/** Where a view is written and the blobs come from. */
export interface ViewTarget {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  /** The experiment's. */
  readonly name: string;
}

const MAX_ATTEMPTS = 8;

export function stepName(step: number): string {
  return `step${String(step).padStart(7, '0')}`;
}

/** Files of a chunk, one and immutable each. */
function rangeName({ from, to }: Pick<Chunk, 'from' | 'to'>): string {
  return `${String(from).padStart(7, '0')}-${String(to).padStart(7, '0')}`;
}

export function logName(chunk: Pick<Chunk, 'from' | 'to'>): string {
  return `${rangeName(chunk)}.jsonl`;
}

export function readPreviewIndex(blobs: BlobStore, digest: Digest): Promise<PreviewIndex> {
  return readDocument(blobs, digest, previewIndexSchema, 'an index of previews');
}

/** The log, the same for TensorBoard, and the previews of one chunk. */
export async function writeChunkFiles(view: ViewTarget, chunk: Chunk): Promise<void> {
  await writeFile(view, `log/${logName(chunk)}`, await view.blobs.get(chunk.log), 'application/jsonl');
  const events = encodeTfEvents(await readScalars(view.blobs, chunk.log));
  await writeFile(view, `tensorboard/events.out.tfevents.${rangeName(chunk)}`, events, 'application/octet-stream');
  if (chunk.previews === undefined) return;
  const index = await readPreviewIndex(view.blobs, chunk.previews);
  const folder = `previews/${stepName(chunk.to)}`;
  const pictures: { readonly file: string; readonly prompt: string }[] = [];
  for (const [i, { prompt, image }] of index.pictures.entries()) {
    const file = `${String(i).padStart(3, '0')}.png`;
    await writeFile(view, `${folder}/${file}`, await view.blobs.get(image.digest), image.media_type);
    pictures.push({ file, prompt });
  }
  const { steps, guidance, seed } = index;
  await writeFile(view, `${folder}/index.json`, json({ v: 1, steps, guidance, seed, pictures }), 'application/json');
}

/** The manifest of a checkpoint that is kept. */
export async function writeCheckpointFile(view: ViewTarget, kept: KeptCheckpoint): Promise<void> {
  await writeFile(view, checkpointFile(kept), await view.blobs.get(kept.checkpoint), 'application/json');
}

/** Before a checkpoint's blobs go, its file goes. */
export async function deleteCheckpointFile(view: ViewTarget, kept: KeptCheckpoint): Promise<void> {
  await view.store.delete(keyOf(view, checkpointFile(kept)));
}

/** What a head says, for people (README.md) and for programs (index.json). */
export async function writeSummary(view: ViewTarget, head: ExperimentHead, config: Config): Promise<void> {
  await writeFile(view, 'config.yaml', Buffer.from(stringify(config)), 'application/yaml');
  await writeFile(view, 'index.json', json(describeHead(view.name, head, config)), 'application/json');
  await writeFile(view, 'README.md', Buffer.from(describeForPeople(view.name, head, config)), 'text/markdown');
}

/** Everything again, from nothing but the head and its blobs. */
export async function rebuildView(view: ViewTarget, head: ExperimentHead, config: Config): Promise<void> {
  for (const chunk of head.chunks) await writeChunkFiles(view, chunk);
  for (const kept of head.history) await writeCheckpointFile(view, kept);
  await writeSummary(view, head, config);
}

export async function deleteView(store: ObjectStore, name: string): Promise<void> {
  for (;;) {
    const { objects } = await store.list(`experiments/${name}/`);
    if (objects.length === 0) return;
    for (const { key } of objects) await store.delete(key);
  }
}

/** `GET /experiments/<name>` and index.json. */
export function describeHead(name: string, head: ExperimentHead, config: Config) {
  const step = stepOf(head);
  return {
    v: 1,
    name,
    state: head.state,
    step,
    steps: stepsFor(head.target, config.data.batch_size),
    samples: step * config.data.batch_size,
    target: head.target,
    ...(head.checkpoint && { checkpoint: head.checkpoint }),
    config: head.config,
    dataset: head.dataset,
    engine: head.engine,
    checkpoints: head.history.map(kept => ({
      step: kept.step,
      checkpoint: kept.checkpoint,
      result: kept.result,
      file: checkpointFile(kept),
    })),
    chunks: head.chunks.map(chunk => ({
      ...chunk,
      file: `log/${logName(chunk)}`,
      ...(chunk.previews && { previews_folder: `previews/${stepName(chunk.to)}/` }),
    })),
  } satisfies Json;
}

function describeForPeople(name: string, head: ExperimentHead, config: Config): string {
  const { step, steps, samples } = describeHead(name, head, config);
  const { hidden_size, depth, patch_size } = config.model;
  const prompts = config.run.preview.prompts;
  return `# ${name}

${STATE_WORDS[head.state]}: step ${step} of ${steps}, ${samples} of ${head.target} samples.

| | |
|---|---|
| model | ${hidden_size} wide, ${depth} deep, patches of ${patch_size} px |
| engine | ${head.engine.name}, ${head.engine.precision}, ${head.engine.threads} threads, micro-batch ${head.engine.micro_batch}${head.engine.gradient_checkpointing ? ', gradient checkpointing' : ''} |
| dataset | \`${head.dataset}\` |
| checkpoint | ${head.checkpoint ? `\`${head.checkpoint}\`` : 'none yet'} |

- config.yaml: the whole config. index.json: this page for programs.
- log/: one file of JSON Lines per chunk of steps (loss, gradient norm, learning rate).
- tensorboard/: the same for \`tensorboard --logdir\`; its wall time counts samples.
- previews/: pictures at every chunk border${prompts.length > 0 ? ':' : ' (none: run.preview.prompts is empty)'}
${prompts.map((prompt, i) => `  - ${String(i).padStart(3, '0')}.png: ${prompt}`).join('\n')}
- checkpoints/: manifests of the checkpoints that are kept; their tensors lie under cas/.

Go on: \`curl -X POST localhost:8787/experiments/${name}/train -H 'content-type: application/json' -d '{}'\`
`;
}

const STATE_WORDS: Readonly<Record<ExperimentHead['state'], string>> = {
  running: 'In training',
  paused: 'Paused',
  done: 'Done',
};

function checkpointFile({ step }: KeptCheckpoint): string {
  return `checkpoints/${stepName(step)}.json`;
}

function keyOf(view: ViewTarget, file: string): string {
  return `experiments/${view.name}/${file}`;
}

function json(value: Json): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** Creates the file; when it is there with other bytes (a summary; a leftover of a deleted experiment), replaces that version. */
async function writeFile(view: ViewTarget, file: string, body: Uint8Array, mediaType: string): Promise<void> {
  const key = keyOf(view, file);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const old = await view.store.get(key);
    if (old && Buffer.compare(old.body, body) === 0) return;
    try {
      await view.store.put(key, body, old ? { ifMatch: old.etag, mediaType } : { ifNoneMatch: '*', mediaType });
      return;
    } catch (error) {
      if (!(error instanceof PreconditionFailed || error instanceof Conflict || error instanceof Ambiguous))
        throw error;
    }
  }
  throw new Conflict(`${key} is being written by others all the time`, { hint: 'try again' });
}
