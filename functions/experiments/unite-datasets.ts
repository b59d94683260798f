/**
 * @file The data sets of `data.datasets` as one dataset: the pages of all, one after the other. Training, validation
 * and deletion read it as any other. It is a document of its own, and links those of its sets.
 */
import type { MixedSet } from '../../configs/mixture.ts';
import { quantity } from '../../configs/quantity.ts';
import { type Conditions, SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import { InvalidInput, NotFound, Unprocessable } from '../../errors.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BucketCount, Dataset } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';

/** Pictures of a pass: a training holds their order in memory. */
const LARGEST_PASS = 1e7;

export interface UniteContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/** A dataset with its place in a mixture. */
interface Part {
  readonly name: string;
  readonly times: number;
  readonly digest: Digest;
  readonly dataset: Dataset;
}

/**
 * Stores the union, and extends the life of its sets.
 * @param conditions Of the config; absent: all signals of the sets.
 * @throws NotFound, InvalidInput for a name; Unprocessable if signals or splits of the sets differ.
 */
export async function uniteDatasets(
  ctx: UniteContext,
  sets: readonly MixedSet[],
  conditions?: Conditions,
): Promise<Digest> {
  const parts: Part[] = [];
  for (const { name, weight, repeats } of sets) {
    const digest = await resolveSet(ctx.store, name);
    parts.push({ name, times: weight * repeats, digest, dataset: await readPart(ctx.blobs, name, digest) });
  }
  return uniteParts(ctx.blobs, parts, conditions);
}

/**
 * The mixture with one of its sets in another version; undefined if it is no mixture, or has no such set.
 * @param to The version that the name of the set means now.
 */
export async function renewSet(
  { store, blobs }: UniteContext,
  mixture: Digest,
  to: Digest,
  conditions?: Conditions,
): Promise<Digest | undefined> {
  const { sets = [] } = await readDataset(blobs, mixture);
  const { datasets } = createRefs(store);
  let isThere = false;
  const parts: Part[] = [];
  for (const { name, times, dataset } of sets) {
    const isNewer = !isDigest(name) && (await datasets.read(name))?.value.dataset === to;
    isThere ||= isNewer;
    const digest = isNewer ? to : dataset;
    parts.push({ name, times, digest, dataset: await readPart(blobs, name, digest) });
  }
  return isThere ? uniteParts(blobs, parts, conditions) : undefined;
}

async function resolveSet(store: ObjectStore, name: string): Promise<Digest> {
  if (isDigest(name)) return name;
  const { datasets } = createRefs(store);
  const head = await datasets.read(name);
  if (head) return head.value.dataset;
  const known = await datasets.list();
  throw new NotFound(`data.datasets: there is no dataset "${name.slice(0, 100)}"`, {
    expected: `a digest, or the name of a dataset: ${known.slice(0, 20).join(', ') || 'there are none yet'}`,
  });
}

async function readPart(blobs: BlobStore, name: string, digest: Digest): Promise<Dataset> {
  await blobs.keep(digest);
  const dataset = await readDataset(blobs, digest);
  if (dataset.sets === undefined) return dataset;
  throw new InvalidInput(`data.datasets: "${name}" is a mixture itself`, {
    expected: 'the data sets that it is made of',
  });
}

async function uniteParts(blobs: BlobStore, parts: readonly Part[], conditions?: Conditions): Promise<Digest> {
  const encoders = agreeOnEncoders(parts, conditions);
  await checkPictures(blobs, parts);
  const removed = [...new Set(parts.flatMap(({ dataset }) => dataset.removed))];
  const counts: Record<string, number> = {};
  for (const [key, count] of parts.flatMap(({ dataset }) => Object.entries(dataset.counts))) {
    counts[key] = (counts[key] ?? 0) + count;
  }
  const buckets = addBuckets(parts);
  const union: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: parts.flatMap(({ dataset }) => dataset.pages),
    removed: removed.toSorted(),
    encoders,
    counts,
    rejects: [],
    ...(buckets && { buckets }),
    sets: parts.map(({ name, times, digest, dataset }) => ({
      name,
      dataset: digest,
      pages: dataset.pages.length,
      times,
    })),
    links: [...new Set(parts.flatMap(({ digest, dataset }) => [digest, ...dataset.links]))].toSorted(),
  };
  return (await putDocument(blobs, union)).digest;
}

/** @throws Unprocessable naming a signal that the sets have of unlike encoders, or not all of them have. */
function agreeOnEncoders(parts: readonly Part[], conditions: Conditions | undefined): Dataset['encoders'] {
  const agreed: Partial<Record<SignalName, NonNullable<Dataset['encoders'][SignalName]>>> = {};
  for (const signal of SIGNAL_NAMES) {
    const forms = new Map<string, string[]>();
    for (const { name, dataset } of parts) {
      const form = hasSignal(dataset, signal) ? canonicalJson(dataset.encoders[signal] ?? {}) : 'nothing';
      forms.set(form, [...(forms.get(form) ?? []), name]);
    }
    if (forms.size === 1) {
      const encoder = parts[0]?.dataset.encoders[signal];
      if (encoder) agreed[signal] = encoder;
      continue;
    }
    if (conditions !== undefined && conditions[signal] === undefined) continue;
    const told = [...forms].map(([form, names]) => `${names.join(' and ')} have ${form}`).join(', ');
    throw new Unprocessable(`the data sets differ in ${signal}: ${told}`, {
      expected: `data sets with ${signal} of the same encoder`,
      hint: `prepare them with the same encoders, or name model.conditions without ${signal}`,
    });
  }
  return agreed;
}

function hasSignal({ pages }: Dataset, signal: SignalName): boolean {
  return pages.every(({ columns }) => columns[signal] !== undefined);
}

/**
 * A picture may be in several sets, and is taken for each. It must not be trained on in one and held out in another,
 * nor be removed from one and wanted in another.
 */
async function checkPictures(blobs: BlobStore, parts: readonly Part[]): Promise<void> {
  const splits = new Map<string, string>();
  const unlike = new Set<string>();
  let pass = 0;
  for (const { dataset, times } of parts) {
    for (const { id, name, split = '' } of await readAllItems(blobs, dataset)) {
      if (split === 'train') pass += times;
      if ((splits.get(id) ?? split) !== split) unlike.add(name);
      splits.set(id, split);
    }
  }
  if (unlike.size > 0) {
    const names = [...unlike].slice(0, 3).join(', ');
    throw new Unprocessable(`${quantity(unlike.size, 'picture')} of the data sets are in unlike splits: ${names}`, {
      expected: 'a picture of several sets in the same split of each',
      hint: 'leave the pictures out of one of the sets, and prepare it again',
    });
  }
  checkPass(pass);
  const removed = parts.flatMap(({ dataset }) => dataset.removed).filter(id => splits.has(id));
  if (removed.length === 0) return;
  throw new Unprocessable(
    `${quantity(removed.length, 'picture')} of one dataset ${removed.length === 1 ? 'is' : 'are'} removed from another`,
    {
      expected: 'sets of drawn pictures that do not overlap',
    },
  );
}

/** @param pictures How many a pass takes of all sets. @throws Unprocessable */
function checkPass(pictures: number): void {
  if (pictures >= 1 && pictures <= LARGEST_PASS) return;
  throw new Unprocessable(
    `a pass over the data sets has ${Number(pictures.toPrecision(3))} pictures of the split train`,
    {
      expected: `weights and repeats by which a pass has 1 to ${LARGEST_PASS} pictures`,
    },
  );
}

/** @returns Undefined if a set of an earlier version does not tell its sizes. */
function addBuckets(parts: readonly Part[]): BucketCount[] | undefined {
  const sums = new Map<string, BucketCount>();
  for (const { dataset } of parts) {
    if (dataset.buckets === undefined) return undefined;
    for (const bucket of dataset.buckets) {
      const key = `${bucket.width}x${bucket.height}`;
      const { pictures = 0, train = 0 } = sums.get(key) ?? {};
      sums.set(key, { ...bucket, pictures: pictures + bucket.pictures, train: train + bucket.train });
    }
  }
  return [...sums.values()].sort((a, b) => b.pictures - a.pictures);
}
