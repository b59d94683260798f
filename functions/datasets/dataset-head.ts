/**
 * @file The head of a dataset. It moves by compare-and-swap, so the slower of two different imports gets a Conflict.
 */
import { Conflict, NotFound, PreconditionFailed } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { DatasetHead, EngineSpec } from '../../storage/records.ts';
import type { Etag, ObjectStore } from '../../storage/types.ts';

export interface VersionedHead {
  readonly value: DatasetHead;
  readonly etag: Etag;
}

export function readDatasetHead(store: ObjectStore, name: string): Promise<VersionedHead | undefined> {
  return createRefs(store).datasets.read(name);
}

/** @throws NotFound with a hint. */
export async function requireDatasetHead(store: ObjectStore, name: string): Promise<VersionedHead> {
  const head = await readDatasetHead(store, name);
  if (head) return head;
  throw new NotFound(`there is no dataset "${name}"`, {
    hint: 'GET /datasets lists them; POST /functions/prepare makes one',
  });
}

/**
 * Replaces the version `before`, or creates the name. Writes nothing if nothing would change.
 * @param isAsGood True for a version, written by another server meanwhile, that is the result of the same call.
 * @throws Conflict if another call moved the name elsewhere.
 */
export async function moveDatasetHead(
  store: ObjectStore,
  name: string,
  before: VersionedHead | undefined,
  value: DatasetHead,
  isAsGood = (now: DatasetHead) => canonicalJson(now) === canonicalJson(value),
): Promise<void> {
  const { datasets } = createRefs(store);
  if (before && canonicalJson(before.value) === canonicalJson(value)) return;
  try {
    if (before) await datasets.compareAndSwap(name, before.etag, value);
    else await datasets.create(name, value);
  } catch (cause) {
    if (!(cause instanceof PreconditionFailed)) throw cause;
    const now = await datasets.read(name);
    if (now === undefined || !isAsGood(now.value)) throw conflict(name, cause);
  }
}

/**
 * Moves the head to the dataset that was prepared from `originals`.
 * @param engine That of its encoders; absent: none of them ran on one.
 * @param record A lineage: how the dataset was made.
 * @throws Conflict if the head has other originals by now.
 */
export async function movePreparedDataset(
  store: ObjectStore,
  name: string,
  dataset: Digest,
  originals: Digest,
  record: Digest,
  engine?: EngineSpec,
): Promise<void> {
  const head = await readDatasetHead(store, name);
  if (head?.value.originals !== originals) throw conflict(name);
  await moveDatasetHead(store, name, head, {
    ...head.value,
    dataset,
    originals,
    lineage: { of: dataset, record },
    ...(engine && { engine }),
  });
}

function conflict(name: string, cause?: unknown): Conflict {
  return new Conflict(`the dataset "${name}" was changed by another call at the same time`, {
    hint: 'repeat the call: it continues from the new version and recomputes nothing',
    cause,
  });
}
