/**
 * @file Releases the pictures of a deleted dataset, so that `gc` erases them: they may show real people. An experiment
 * that was trained on them keeps them, since it needs its data to train further. So either the experiment is deleted
 * first, or its head is marked: its data is gone for good. A report shows some of them, too, and outlives its
 * experiments.
 */
import type { SignalName } from '../../configs/signals.ts';
import { BlobMissing, Conflict } from '../../errors.ts';
import { EMPTY_COLUMNS } from '../../formats/webdataset.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import type { Dataset, DatasetHead } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead, listHeads, readHead } from '../experiments/experiment-head.ts';
import { checkIdle, requireIdle } from '../experiments/require-idle.ts';
import { listReportsOf } from './report-holders.ts';

/** Blobs of pages without pictures. Sharing one of these is not sharing a picture. */
const EMPTY: ReadonlySet<Digest> = new Set(['', ...EMPTY_COLUMNS].map(digestOf));

/** What is refused while an experiment is in training. */
const THEN = 'delete the dataset';

/** Lost races with calls that record what shows pictures. */
const MAX_ROUNDS = 8;

export interface ReleaseContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly now: Clock['now'];
}

export interface ReleaseOptions {
  readonly force: boolean;
  /** Takes what shows the pictures from an experiment. @returns The head as it left it. */
  readonly forget?: (experiment: string) => Promise<ExperimentHead>;
}

/**
 * Call it before the name of a dataset is deleted. If it is killed, the same call continues.
 * @param force Experiments on the pictures keep their checkpoints, logs and previews, and can no longer be trained.
 * @returns Names of the reports that show its pictures; none without `force`. They are to be deleted.
 * @throws Conflict naming the experiments and reports that have its pictures; with `force`, if an experiment is in
 * training.
 */
export async function releasePictures(
  ctx: ReleaseContext,
  name: string,
  head: DatasetHead,
  { force, forget = async experiment => (await readHead(ctx.store, experiment)).value }: ReleaseOptions,
): Promise<string[]> {
  const { experiments, reports, listReports } = await findUsers(ctx, name, head);
  if (experiments.length + reports.length > 0 && !force) throw refuse(name, experiments, reports);
  for (const experiment of experiments) {
    await requireIdle(ctx, experiment, THEN);
    await takeDataFrom(ctx, experiment, forget);
  }
  // A comparison may have made one meanwhile. From now on, it finds the heads marked.
  return experiments.length > 0 ? listReports() : reports;
}

function refuse(name: string, experiments: readonly string[], reports: readonly string[]): Conflict {
  const [used, shown] = [experiments.length > 0, reports.length > 0];
  const users = [
    ...(used ? [`used by experiments: ${experiments.join(', ')}`] : []),
    ...(shown ? [`shown by reports: ${reports.join(', ')}`] : []),
  ];
  const effects = [
    ...(used ? ['the experiments keep their checkpoints but can no longer be trained'] : []),
    ...(shown ? ['the reports are deleted'] : []),
  ];
  return new Conflict(`pictures of the dataset "${name}" are ${users.join('; ')}`, {
    expected: `a dataset that no experiment needs${shown ? ' and no report shows' : ''}`,
    hint: `delete them first, or call DELETE /datasets/${name}?force: ${effects.join(', ')}`,
    details: { experiments: [...experiments], reports: [...reports] },
  });
}

interface Users {
  readonly experiments: string[];
  readonly reports: string[];
  /** Finds the reports anew. */
  listReports(): Promise<string[]>;
}

/**
 * Experiments on a version of the dataset, and those whose dataset shares a blob with this one: a dataset of the same
 * pictures. Reports of such experiments, deleted ones included.
 */
async function findUsers(
  { store, blobs }: ReleaseContext,
  dataset_name: string,
  { dataset, originals }: DatasetHead,
): Promise<Users> {
  const read = new Map<Digest, Promise<ReadonlySet<Digest>>>();
  const linksOf = (digest: Digest) => {
    const links = read.get(digest) ?? readLinks(blobs, digest);
    read.set(digest, links);
    return links;
  };
  const own = new Set([...(await linksOf(dataset)), ...(originals ? await linksOf(originals) : [])]);
  for (const digest of originals ? [dataset, originals] : [dataset]) {
    for (const mask of await readMasks(blobs, digest)) own.delete(mask);
  }
  const hasPictures = async (user: { readonly dataset: Digest; readonly dataset_name?: string | undefined }) =>
    user.dataset_name === dataset_name || [...(await linksOf(user.dataset))].some(link => own.has(link));
  const experiments: string[] = [];
  for (const { name, head } of await listHeads(store)) {
    if (!head.dataset_deleted && (await hasPictures(head))) experiments.push(name);
  }
  const listReports = () => listReportsOf({ store, blobs }, hasPictures);
  return { experiments, reports: await listReports(), listReports };
}

/** Masks of a dataset. Those of different pictures may be equal: all white, say. */
async function readMasks(blobs: BlobStore, digest: Digest): Promise<Digest[]> {
  try {
    const items = await readAllItems(blobs, await readDataset(blobs, digest));
    return items.flatMap(({ mask }) => mask ?? []);
  } catch (error) {
    if (error instanceof BlobMissing) return [];
    throw error;
  }
}

async function readLinks(blobs: BlobStore, digest: Digest): Promise<ReadonlySet<Digest>> {
  try {
    const { links, encoders } = await readDataset(blobs, digest);
    // Datasets of different pictures may share the weights of their encoders.
    const weights = new Set<unknown>(Object.values(encoders).flatMap(entry => listWeights(entry)));
    return new Set([digest, ...links.filter(link => !EMPTY.has(link) && !weights.has(link))]);
  } catch (error) {
    if (error instanceof BlobMissing) return new Set([digest]);
    throw error;
  }
}

function listWeights(entry: Dataset['encoders'][SignalName]): Digest[] {
  return Object.values(entry ?? {}).flatMap(value => (typeof value === 'object' ? Object.values(value).flat() : []));
}

/**
 * Marks the head that `forget` left: a marked one is no user any more, so a call that is killed must find it unmarked
 * while it shows pictures. A call that records some in between is answered by another round.
 */
async function takeDataFrom(
  { store, now }: ReleaseContext,
  name: string,
  forget: NonNullable<ReleaseOptions['forget']>,
): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const left = canonicalJson((await forget(name)) as unknown as Json);
    const driver = await readLease(store, name, now());
    const { dataset_deleted } = await changeHead(store, name, head => {
      checkIdle(name, head, driver, THEN);
      return canonicalJson(head as unknown as Json) === left ? { ...head, dataset_deleted: true } : head;
    });
    if (dataset_deleted) return;
  }
  throw new Conflict(`the experiment "${name}" is being changed by others all the time`, { hint: 'try again' });
}
