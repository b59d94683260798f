/** @file Training state to blobs and back. Equal state gives equal bytes, so an equal digest. */
import { type KeyedConfig, trainsAll } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Checkpoint } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { TrainingTensors } from '../training/load-state.ts';
import type { Progress } from '../training/trainer.ts';

type TensorMap = Readonly<Record<string, Tensor>>;

/** Largest part of a group of tensors, in bytes. A blob may hold 1 GiB. */
const MAX_PART_BYTES = 900 * 2 ** 20;

export interface SavedCheckpoint {
  readonly ref: BlobRef;
  readonly links: readonly Digest[];
}

/**
 * Writes the tensors, then the manifest that links to them.
 * @param fixed Parameters that the training does not change: blobs of their own, equal in all its checkpoints.
 */
export async function saveCheckpoint(
  blobs: BlobStore,
  progress: Progress,
  tensors: TrainingTensors,
  config: Digest,
  seed: Seed,
  fixed: ReadonlySet<string> = new Set(),
): Promise<SavedCheckpoint> {
  const parameters = Object.entries(tensors.model);
  const trained = Object.fromEntries(parameters.filter(([name]) => !fixed.has(name)));
  const constant = Object.fromEntries(parameters.filter(([name]) => fixed.has(name)));
  const groups = {
    model: [...(await saveGroup(blobs, trained)), ...(fixed.size > 0 ? await saveGroup(blobs, constant) : [])],
    optimizer: await saveGroup(blobs, tensors.optimizer),
    ema: await saveGroup(blobs, tensors.ema),
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

async function saveGroup(blobs: BlobStore, tensors: TensorMap): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const part of cutIntoParts(tensors, MAX_PART_BYTES)) {
    const { digest } = await blobs.put(encodeSafetensors(part), 'application/x-safetensors');
    digests.push(digest);
  }
  return digests;
}

/**
 * Cuts tensors by name into parts below the limit; a larger tensor is a part by itself. No tensors give one empty part.
 */
export function cutIntoParts(tensors: TensorMap, maxBytes: number): Record<string, Tensor>[] {
  const parts: Record<string, Tensor>[] = [{}];
  let bytes = 0;
  for (const name of Object.keys(tensors).sort()) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    if (bytes > 0 && bytes + tensor.data.byteLength > maxBytes) {
      parts.push({});
      bytes = 0;
    }
    Object.assign(parts.at(-1) ?? {}, { [name]: tensor });
    bytes += tensor.data.byteLength;
  }
  return parts;
}

export async function loadTensors(blobs: BlobStore, { tensors }: Checkpoint): Promise<TrainingTensors> {
  const [model, optimizer, ema] = await Promise.all([
    loadGroup(blobs, tensors.model),
    loadGroup(blobs, tensors.optimizer),
    loadGroup(blobs, tensors.ema),
  ]);
  return { model, optimizer, ema };
}

/** What of a checkpoint's weights is used: averaged, by the first average, or as of its last step. */
export type WeightChoice = 'ema' | 'raw';

/** All weights of the model, by name. Parameters that the training does not change have no average. */
export async function loadWeights(
  blobs: BlobStore,
  { tensors }: Checkpoint,
  config: KeyedConfig,
  choice: WeightChoice,
): Promise<Record<string, Tensor>> {
  const needsRaw = choice === 'raw' || !trainsAll(config);
  const raw = needsRaw ? await loadGroup(blobs, tensors.model) : {};
  return choice === 'raw' ? raw : { ...raw, ...firstAverage(await loadGroup(blobs, tensors.ema)) };
}

/** The average whose weights are sampled: the first of config.optimizer.ema_gammas. */
function firstAverage(ema: TensorMap): Record<string, Tensor> {
  const prefix = '0.';
  return Object.fromEntries(
    Object.entries(ema).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

export async function loadGroup(blobs: BlobStore, digests: readonly Digest[]): Promise<Record<string, Tensor>> {
  const tensors: Record<string, Tensor> = {};
  for (const digest of digests) {
    for (const [name, { shape, dtype, data }] of Object.entries(decodeSafetensors(await blobs.get(digest)).tensors)) {
      if (dtype !== 'f32') throw new TypeError(`tensor "${name}" of a checkpoint is ${dtype}, expected f32`);
      tensors[name] = { shape, dtype, data: Float32Array.from(data) };
    }
  }
  return tensors;
}
