/** @file The name of a dataset: moved by compare-and-swap, so of two different imports at once the slower is told. */
import { Conflict, NotFound, PreconditionFailed } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { DatasetHead } from '../../storage/records.ts';
import { createRefs } from '../../storage/refs.ts';
import type { Etag, ObjectStore } from '../../storage/types.ts';

export interface VersionedHead {
  readonly value: DatasetHead;
  readonly etag: Etag;
}

export function readDatasetHead(store: ObjectStore, name: string): Promise<VersionedHead | undefined> {
  return createRefs(store).datasets.read(name);
}

/** @throws NotFound with what to do. */
export async function requireDatasetHead(store: ObjectStore, name: string): Promise<VersionedHead> {
  const head = await readDatasetHead(store, name);
  if (head) return head;
  throw new NotFound(`there is no dataset "${name}"`, {
    hint: 'GET /datasets lists them; POST /functions/prepare makes one',
  });
}

/**
 * Replaces the version `before`, or creates the name. Writes nothing if nothing would change.
 * @param isAsGood Whether a version that another server has written meanwhile equals ours: the result of the same call.
 * @throws Conflict if another call moved the name elsewhere.
 */
export async function moveDatasetHead(
  store: ObjectStore,
  name: string,
  before: VersionedHead | undefined,
  value: DatasetHead,
  isAsGood = (now: DatasetHead) => now.dataset === value.dataset && now.originals === value.originals,
): Promise<void> {
  const { datasets } = createRefs(store);
  if (before?.value.dataset === value.dataset && before.value.originals === value.originals) return;
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
 * Makes the name mean what was prepared from its originals.
 * @throws Conflict when the name has other originals by now: what was prepared is not of them.
 */
export async function movePreparedDataset(
  store: ObjectStore,
  name: string,
  dataset: Digest,
  originals: Digest,
): Promise<void> {
  const head = await readDatasetHead(store, name);
  if (head?.value.originals !== originals) throw conflict(name);
  await moveDatasetHead(store, name, head, { v: 1, dataset, originals });
}

function conflict(name: string, cause?: unknown): Conflict {
  return new Conflict(`the dataset "${name}" was changed by somebody else at the same time`, {
    hint: 'repeat the call: it goes on from what is there, and recomputes nothing',
    cause,
  });
}
