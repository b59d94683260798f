/** @file Training state to blobs and back. Equal state gives equal bytes, so an equal digest. */
import { type KeyedConfig, trainsAll } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import { Unprocessable } from '../../errors.ts';
import { cutParts } from '../../formats/cut-parts.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import { putDocument, readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Checkpoint } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { JobWeights } from '../protocol.ts';
import { CHECKPOINT_PART_BYTES, type TrainingTensors } from '../training/load-state.ts';
import type { Progress } from '../training/trainer.ts';

type TensorMap = Readonly<Record<string, Tensor>>;

export interface SavedCheckpoint {
  readonly ref: BlobRef;
  readonly links: readonly Digest[];
}

/**
 * Writes the tensors, one group in memory at a time, then the manifest that links to them.
 * @param read Copies a group of tensors.
 * @param fixed Parameters that the training does not change: blobs of their own, equal in all its checkpoints.
 */
export async function saveCheckpoint(
  blobs: Pick<BlobStore, 'put'>,
  progress: Progress,
  read: (group: keyof TrainingTensors) => Promise<TensorMap>,
  config: Digest,
  seed: Seed,
  fixed: ReadonlySet<string> = new Set(),
): Promise<SavedCheckpoint> {
  const groups = {
    model: await saveModel(blobs, await read('model'), fixed),
    optimizer: await saveGroup(blobs, await read('optimizer')),
    ema: await saveGroup(blobs, await read('ema')),
  };
  const links = [config, ...groups.model, ...groups.optimizer, ...groups.ema];
  const checkpoint: Checkpoint = {
    v: 1,
    kind: 'checkpoint',
    step: progress.step,
    samples: progress.samples,
    cursor: progress.cursor,
    rng_key: String(seed),
    config,
    tensors: groups,
    links,
  };
  return { ref: await putDocument(blobs, checkpoint), links };
}

async function saveModel(
  blobs: Pick<BlobStore, 'put'>,
  tensors: TensorMap,
  fixed: ReadonlySet<string>,
): Promise<Digest[]> {
  const { trained = [], constant = [] } = Object.groupBy(Object.entries(tensors), ([name]) =>
    fixed.has(name) ? 'constant' : 'trained',
  );
  const changing = await saveGroup(blobs, Object.fromEntries(trained));
  return fixed.size > 0 ? [...changing, ...(await saveGroup(blobs, Object.fromEntries(constant)))] : changing;
}

async function saveGroup(blobs: Pick<BlobStore, 'put'>, tensors: TensorMap): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const part of cutIntoParts(tensors)) {
    const { digest } = await blobs.put(encodeSafetensors(part), 'application/x-safetensors');
    digests.push(digest);
  }
  return digests;
}

/** Cuts tensors by name into parts that a blob holds; a larger tensor is a part by itself. No tensors give one. */
export function cutIntoParts(tensors: TensorMap): Record<string, Tensor>[] {
  const entries = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  return cutParts(entries, ([, { data }]) => data.byteLength, CHECKPOINT_PART_BYTES).map(part =>
    Object.fromEntries(part),
  );
}

export async function loadTensors(blobs: BlobStore, { tensors }: Checkpoint): Promise<TrainingTensors> {
  const [model, optimizer, ema] = await Promise.all([
    loadGroup(blobs, tensors.model),
    loadGroup(blobs, tensors.optimizer),
    loadGroup(blobs, tensors.ema),
  ]);
  return { model, optimizer, ema };
}

/** All weights of the model, by name. Parameters that the training does not change have no average. */
export async function loadWeights(
  blobs: BlobStore,
  { tensors }: Checkpoint,
  config: KeyedConfig,
  choice: JobWeights,
): Promise<Record<string, Tensor>> {
  const needsRaw = choice === 'raw' || !trainsAll(config);
  const raw = needsRaw ? await loadGroup(blobs, tensors.model) : {};
  if (choice === 'raw') return raw;
  if (typeof choice === 'object' && 'traces' in choice) return { ...raw, ...(await addUp(blobs, choice.traces)) };
  const index = choice === 'ema' ? 0 : choice.average;
  return { ...raw, ...averageOf(await loadGroup(blobs, tensors.ema), index) };
}

type Traces = Extract<JobWeights, { readonly traces: unknown }>['traces'];

/** The sum of averages times their factors. One checkpoint is in memory at a time. */
async function addUp(blobs: BlobStore, traces: Traces): Promise<Record<string, Tensor>> {
  const sum = new Map<string, { readonly shape: Tensor['shape']; readonly data: Float64Array }>();
  for (const [checkpoint, members] of Map.groupBy(traces, trace => trace.checkpoint)) {
    const ema = await loadGroup(blobs, (await readCheckpoint(blobs, checkpoint)).tensors.ema);
    for (const { average, factor } of members) {
      for (const [name, { shape, data }] of Object.entries(averageOf(ema, average))) {
        const total = sum.get(name) ?? { shape, data: new Float64Array(data.length) };
        sum.set(name, total);
        for (let i = 0; i < data.length; i++) total.data[i] = (total.data[i] ?? 0) + factor * (data[i] ?? 0);
      }
    }
  }
  return Object.fromEntries(
    [...sum].map(([name, { shape, data }]) => [name, { shape, dtype: 'f32', data: Float32Array.from(data) } as const]),
  );
}

/** One of the averages of a checkpoint: see averagesOf (configs/averages.ts). @throws Unprocessable */
function averageOf(ema: TensorMap, index: number): Record<string, Tensor> {
  const prefix = `${index}.`;
  const members = Object.entries(ema).filter(([name]) => name.startsWith(prefix));
  if (members.length === 0) {
    throw new Unprocessable(`the checkpoint has no average ${index}`, {
      expected: 'a place in optimizer.ema_gammas followed by optimizer.ema_decays, counted from 0',
    });
  }
  return Object.fromEntries(members.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

async function loadGroup(blobs: BlobStore, digests: readonly Digest[]): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const digest of digests) {
    for (const [name, { shape, dtype, data }] of Object.entries(decodeSafetensors(await blobs.get(digest)).tensors)) {
      if (dtype !== 'f32') throw new TypeError(`tensor "${name}" of a checkpoint is ${dtype}, expected f32`);
      tensors[name] = { shape, dtype, data: Float32Array.from(data) };
    }
  }
  return tensors;
}
