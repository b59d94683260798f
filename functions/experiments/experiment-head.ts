/** @file refs/experiments/<name>.json: the head of an experiment, which only ever changes by compare-and-swap. */
import { type Config, configSchema, type KeyedConfig, keyedConfig } from '../../configs/schema.ts';
import { nearestName } from '../../configs/suggest.ts';
import { Conflict, NotFound, PreconditionFailed, Unprocessable } from '../../errors.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Versioned } from '../../storage/names/versioned.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';

/** Lost races before a change is given up. Each means that another change went through. */
const MAX_ROUNDS = 16;

/** An experiment as an operation left it. */
export interface Experiment {
  readonly head: ExperimentHead;
  readonly config: Config;
}

/** @throws NotFound with what to do. */
export async function readHead(store: ObjectStore, name: string): Promise<Versioned<ExperimentHead>> {
  const { experiments } = createRefs(store);
  const found = await experiments.read(name);
  if (found) return found;
  const nearest = nearestName(name, await experiments.list());
  throw new NotFound(`there is no experiment "${name}"`, {
    expected: 'the name of an experiment',
    hint:
      nearest === undefined
        ? 'GET /experiments and `easel status` list the experiments; PUT /experiments/NAME creates one'
        : `did you mean ${nearest}?`,
  });
}

/** All experiments, by name. */
export async function listHeads(
  store: ObjectStore,
): Promise<readonly { readonly name: string; readonly head: ExperimentHead }[]> {
  const refs = createRefs(store).experiments;
  const heads = await Promise.all(
    (await refs.list()).map(async name => ({ name, head: (await refs.read(name))?.value })),
  );
  return heads.flatMap(({ name, head }) => (head ? [{ name, head }] : []));
}

/**
 * Reads the head, applies `change` and writes the result; repeats this if another writer was faster. If `change`
 * returns the head that it was given, nothing is written.
 * @param options whileDeleting: changes also a head whose deletion has begun.
 * @throws NotFound, Conflict under endless contention and while it is being deleted, and the errors of `change`.
 */
export async function changeHead(
  store: ObjectStore,
  name: string,
  change: (head: ExperimentHead) => ExperimentHead | Promise<ExperimentHead>,
  { whileDeleting = false }: { readonly whileDeleting?: boolean } = {},
): Promise<ExperimentHead> {
  const refs = createRefs(store).experiments;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { value, etag } = await readHead(store, name);
    if (!whileDeleting) refuseDeleting(name, value);
    const changed = await change(value);
    if (changed === value) return value;
    try {
      return (await refs.compareAndSwap(name, etag, changed)).value;
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
  throw new Conflict(`the experiment "${name}" is being changed by others all the time`, { hint: 'try again' });
}

/** @throws Conflict when the deletion of the experiment has begun. */
export function refuseDeleting(name: string, { deleting }: Pick<ExperimentHead, 'deleting'>): void {
  if (!deleting) return;
  throw new Conflict(`the experiment "${name}" is being deleted`, {
    expected: 'an experiment that stays',
    hint: `if its deletion was cut off, DELETE /experiments/${name} completes it`,
  });
}

/** @throws Unprocessable when the pictures were deleted. */
export function checkData(name: string, { dataset_deleted, dataset_name: called }: ExperimentHead): void {
  if (!dataset_deleted) return;
  const body = JSON.stringify({ dataset: called ?? 'NAME' });
  const restore = `prepare its dataset again, and POST /experiments/${name}/train ${body}`;
  throw new Unprocessable(`the pictures that "${name}" was trained on were deleted`, {
    expected: 'an experiment that has its data',
    hint: `sample its checkpoints; or ${restore}`,
  });
}

/** For a call that began before: its answer would show pictures that are to be erased. */
export function deletedMeanwhile(name: string): Conflict {
  return new Conflict(`the pictures that "${name}" was trained on were deleted while the call ran`, {
    expected: 'a dataset that stays until the end of the call',
  });
}

/** The whole config as the experiment was created with it. */
export function readConfig(blobs: BlobStore, head: ExperimentHead): Promise<Config> {
  return readDocument(blobs, head.config, configSchema, 'a config');
}

/** What decides the bits on the way to a target: beyond the config's own end the schedules are stretched to it. */
export function keyedAt(
  config: Config,
  { target, extended }: Pick<ExperimentHead, 'target' | 'extended'>,
): KeyedConfig {
  const { optimizer, ...rest } = keyedConfig(config);
  const total_samples = Math.max(optimizer.total_samples, target);
  return { ...rest, optimizer: { ...optimizer, total_samples, ...(extended && { extended }) } };
}

/** Optimizer steps that the experiment has taken. */
export function stepOf(head: ExperimentHead): number {
  return head.history.at(-1)?.step ?? 0;
}
