/** @file The data stages over a store in memory, their CPU work done in place. */
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import type { Lifetimes } from '../../storage/gc/lifetimes.ts';
import type { Dataset, Item } from '../../storage/records.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import type { ObjectStore, StreamedBlobStore } from '../../storage/types.ts';
import { bucket } from '../bucket.ts';
import { caption } from '../caption.ts';
import { classify } from '../classify.ts';
import { clipScore } from '../clip-score.ts';
import { collage } from '../collage.ts';
import { compareSets } from '../compare-sets.ts';
import { compareSplits } from '../compare-splits.ts';
import { contactSheet } from '../contact-sheet.ts';
import { controlPictures } from '../control-pictures.ts';
import { curate } from '../curate.ts';
import type { CallAnswer, Describer } from '../define.ts';
import { detectPose } from '../detect-pose.ts';
import { diff } from '../diff.ts';
import { distance } from '../distance.ts';
import { encodeImage } from '../encode-image.ts';
import { encodeText } from '../encode-text.ts';
import { estimate } from '../estimate.ts';
import { createExecutor, type Executor } from '../execution/executor.ts';
import type { TaskPool } from '../execution/pool.ts';
import { features } from '../features.ts';
import { fitPca } from '../fit-pca.ts';
import { gc } from '../gc.ts';
import { importPictures } from '../import.ts';
import { ingest } from '../ingest.ts';
import { inspect } from '../inspect.ts';
import { mask } from '../mask.ts';
import { memorization } from '../memorization.ts';
import { packShard } from '../pack-shard.ts';
import { pairSheet } from '../pair-sheet.ts';
import { pictureFiles } from '../picture-files.ts';
import { pose } from '../pose.ts';
import { poseSheet } from '../pose-sheet.ts';
import { prepare } from '../prepare.ts';
import { probePictures } from '../probe-pictures.ts';
import { renderComparison } from '../render-comparison.ts';
import { renderEmojiPage } from '../render-emoji.ts';
import { renderFigurePage } from '../render-figures.ts';
import { renderPortraitPage } from '../render-portraits.ts';
import { report } from '../report.ts';
import { scorePictures } from '../score-pictures.ts';
import { select } from '../select.ts';
import { shard } from '../shard.ts';
import { subset } from '../subset.ts';
import { takeSignals } from '../take-signals.ts';
import { tasks } from '../tasks.ts';
import { verify } from '../verify.ts';
import { noRunner } from './functions.ts';

export interface PictureLab {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly executor: Executor;
  dataset(digest: Digest): Promise<Dataset>;
  /** Of all pages, in order. */
  items(digest: Digest): Promise<Item[]>;
}

export function createPictureLab({
  store = createMemoryStore(),
  importRoots = [],
  importBuckets = [],
  runner = noRunner,
  lifetimes,
  clock = new FakeTime().clock(),
  describer,
}: {
  readonly store?: ObjectStore;
  readonly importRoots?: readonly string[];
  readonly importBuckets?: readonly string[];
  readonly runner?: RunnerClient;
  readonly lifetimes?: Lifetimes;
  readonly clock?: Clock;
  readonly describer?: Describer;
} = {}): PictureLab {
  const blobs = createBlobStore(store, lifetimes);
  const executor = createExecutor({
    store,
    blobs,
    registry: [
      prepare,
      estimate,
      importPictures,
      renderPortraitPage,
      renderFigurePage,
      renderEmojiPage,
      inspect,
      ingest,
      bucket,
      mask,
      pose,
      caption,
      curate,
      select,
      subset,
      takeSignals,
      encodeText,
      encodeImage,
      detectPose,
      classify,
      fitPca,
      clipScore,
      features,
      controlPictures,
      compareSets,
      compareSplits,
      memorization,
      probePictures,
      pairSheet,
      distance,
      scorePictures,
      collage,
      pictureFiles,
      contactSheet,
      poseSheet,
      report,
      renderComparison,
      shard,
      packShard,
      diff,
      gc,
      verify,
    ],
    runner,
    describer,
    pool: poolInPlace,
    importRoots,
    importBuckets,
    clock,
    ...(lifetimes && { lifetimes }),
  });
  return {
    store,
    blobs,
    executor,
    dataset: digest => readDataset(blobs, digest),
    async items(digest) {
      const { pages } = await readDataset(blobs, digest);
      return (await Promise.all(pages.map(page => readItems(blobs, page)))).flat();
    },
  };
}

const prepared = new Map<string, Promise<MemoryObjects>>();

/**
 * A store in memory filled by a call of `prepare`. Equal bodies are computed once, and each test gets a copy of its
 * own.
 */
export async function copyPrepared(body: Readonly<Record<string, string | number>>): Promise<ObjectStore> {
  const name = JSON.stringify(body);
  const objects = prepared.get(name) ?? fillStore(body);
  prepared.set(name, objects);
  return createMemoryStore(new Map(await objects));
}

async function fillStore(body: Readonly<Record<string, string | number>>): Promise<MemoryObjects> {
  const objects: MemoryObjects = new Map();
  await createPictureLab({ store: createMemoryStore(objects) }).executor.callEffect('prepare', body);
  return objects;
}

/** Copies what goes in, as a thread would get it. */
export const poolInPlace: TaskPool = {
  async run<T>(name: string, input: unknown): Promise<T> {
    const task = Object.entries(tasks).find(([known]) => known === name)?.[1] as ((input: unknown) => T) | undefined;
    if (task === undefined) throw new Error(`there is no task ${name}`);
    return task(structuredClone(input));
  },
  async close() {},
};

/** The digest of an output that the answer must have. */
export function outputOf(answer: CallAnswer, name = 'dataset'): Digest {
  const ref = answer.result.outputs[name];
  if (ref === undefined) throw new Error(`${answer.result.action.function} has no output "${name}"`);
  return ref.digest;
}
