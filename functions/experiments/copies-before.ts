/**
 * @file Copies of training pictures that a run has from a run before it. A model that has memorized does not forget it
 * by a branch, nor by a training that begins with its weights. So the verdict is looked up where it is: in the head of
 * the run that was checked, whenever that was. Only what would be lost is stored in the runs that go on from there.
 */
import { BlobMissing, NotFound } from '../../errors.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead, Origin } from '../../storage/experiment-record.ts';
import { lineageSchema } from '../../storage/lineage-record.ts';
import { listKeptDigests } from '../../storage/list-kept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { findChunk } from './chunk-pages.ts';
import type { Memorizing } from './copies.ts';
import { changeHead, listHeads } from './experiment-head.ts';

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/** Where a run comes from. */
export type Descent = Pick<ExperimentHead, 'began_memorizing' | 'ancestor' | 'branched_from' | 'init_from'>;
type Before = ExperimentHead['began_memorizing'];

/** The checkpoint of another run with which this one began; of the run before that one, if that one was deleted. */
export function findOriginOf({ ancestor, branched_from, init_from }: Descent): Origin | undefined {
  const origin = ancestor ?? branched_from ?? init_from;
  return origin && { experiment: origin.experiment, step: origin.step, checkpoint: origin.checkpoint };
}

/**
 * The check that found copies before the run went on from there: of the run before, or of one before that one.
 * @param known A head that is taken as it is, instead of that of its name.
 * @returns Undefined if no check found copies.
 */
export async function findBefore(
  { store, blobs }: Site,
  run: Descent,
  known?: { readonly name: string; readonly head: ExperimentHead },
): Promise<Before> {
  const { experiments } = createRefs(store);
  const read = async (name: string) => (name === known?.name ? known.head : (await experiments.read(name))?.value);
  const seen = new Set<string>();
  for (let place = findOriginOf(run); ; ) {
    if (run.began_memorizing) return run.began_memorizing;
    if (place === undefined || seen.has(place.experiment)) return undefined;
    seen.add(place.experiment);
    const parent = await read(place.experiment);
    if (parent === undefined || !(await hasMade(blobs, parent, place))) return undefined;
    const { memorizing } = parent;
    if (memorizing && memorizing.step <= place.step) return { experiment: place.experiment, ...memorizing };
    [run, place] = [parent, findOriginOf(parent)];
  }
}

/** The head with the verdict of the runs before, to be shown: it is not to be stored. */
export async function withBefore(site: Site, head: ExperimentHead): Promise<ExperimentHead> {
  const before = await findBefore(site, head);
  return before ? { ...head, began_memorizing: before } : head;
}

/**
 * Whether the checkpoint is of this run: another one may have its name by now. A run whose records are lost is taken
 * for the one that it was.
 */
async function hasMade(blobs: BlobStore, head: ExperimentHead, { step, checkpoint }: Origin): Promise<boolean> {
  if (listKeptDigests(head).includes(checkpoint)) return true;
  try {
    const chunk = await findChunk(blobs, head, step);
    if (chunk?.record === undefined) return chunk !== undefined;
    const { made } = await readDocument(blobs, chunk.record, lineageSchema, 'a lineage');
    return made.some(({ outputs }) => outputs.checkpoint === checkpoint);
  } catch (error) {
    if (error instanceof BlobMissing) return true;
    throw error;
  }
}

/**
 * Stores in the runs that go on from this one what its head says of copies, before that is lost; also in those that
 * are being deleted, since others may go on from them.
 * @param options isDeleted: they also get the run before this one, whose checks may find copies later.
 * @returns Whether a run was changed.
 */
export async function handDown(
  site: Site,
  parent: { readonly name: string; readonly head: ExperimentHead },
  { isDeleted }: { readonly isDeleted: boolean },
): Promise<boolean> {
  const former = isDeleted ? findOriginOf(parent.head) : undefined;
  let hasChanged = false;
  for (const { name } of (await listHeads(site.store)).filter(({ head }) => isChild(head, parent.name))) {
    const change = async (now: ExperimentHead): Promise<ExperimentHead> => {
      const place = findPlaceIn(now, parent.name);
      if (now.began_memorizing || place === undefined || !(await hasMade(site.blobs, parent.head, place))) return now;
      // An earlier round may have stored what was before `parent` then.
      const { ancestor, ...bare } = now;
      const run = place.experiment === ancestor?.experiment ? now : bare;
      const before = await findBefore(site, run, parent);
      if (before) return { ...now, began_memorizing: before };
      return former && !isSame(former, ancestor) ? { ...now, ancestor: former } : now;
    };
    const noting = async (now: ExperimentHead) => {
      const changed = await change(now);
      hasChanged ||= changed !== now;
      return changed;
    };
    await changeHead(site.store, name, noting, { whileDeleting: true }).catch(unlessDeleted);
  }
  return hasChanged;
}

function isSame(a: Origin, b: Origin | undefined): boolean {
  return a.experiment === b?.experiment && a.step === b.step && a.checkpoint === b.checkpoint;
}

/**
 * Stores what a check says of a checkpoint whose run was deleted: in the runs that began with it, or with a run since
 * deleted that did. A verdict on an earlier checkpoint stays.
 * @returns Names of the runs. @throws Conflict while one of them is being deleted: the runs that go on from it have the
 * verdict when the check is made again.
 */
export async function judgeOrigin(
  store: ObjectStore,
  checkpoint: Digest,
  verdict: Memorizing | 'clean',
): Promise<string[]> {
  const originIn = ({ ancestor, branched_from, init_from }: Descent) =>
    [ancestor, branched_from, init_from].find(origin => origin?.checkpoint === checkpoint);
  const names = (await listHeads(store)).flatMap(({ name, head }) => (originIn(head) ? [name] : []));
  for (const name of names) {
    const change = (now: ExperimentHead): ExperimentHead => {
      const { began_memorizing: before, ...rest } = now;
      const origin = originIn(now);
      if (origin === undefined) return now;
      const { experiment, step } = origin;
      if (before && (before.experiment !== experiment || before.step !== step)) return now;
      return verdict === 'clean' ? rest : { ...rest, began_memorizing: { experiment, ...verdict } };
    };
    await changeHead(store, name, change).catch(unlessDeleted);
  }
  return names;
}

/** Of a run that was deleted meanwhile, nothing is to be changed. */
function unlessDeleted(error: unknown): void {
  if (!(error instanceof NotFound)) throw error;
}

function isChild(head: ExperimentHead, name: string): boolean {
  return findPlaceIn(head, name) !== undefined;
}

/** The checkpoint of the run of this name with which this one began, or a run before it that was deleted. */
function findPlaceIn({ ancestor, branched_from, init_from }: Descent, name: string): Origin | undefined {
  return [ancestor, branched_from, init_from].find(origin => origin?.experiment === name);
}

/** Names of the runs that go on from this one, also by way of others. */
export async function listDescendants(store: ObjectStore, name: string): Promise<string[]> {
  const heads = await listHeads(store);
  const found = new Set([name]);
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const each of heads) if (found.has(findOriginOf(each.head)?.experiment ?? '')) found.add(each.name);
  }
  found.delete(name);
  return [...found];
}
