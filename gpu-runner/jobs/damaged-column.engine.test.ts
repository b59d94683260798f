/** Training from columns that are not in memory, on a folder store whose disk flips bits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { memberName } from '../../configs/signals.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readStoredIndex } from '../../storage/blobs/read-column.ts';
import { openSumsFolder } from '../../storage/blobs/sums-memory.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { blobKey } from '../../storage/keys.ts';
import { openStore } from '../../storage/open.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { flipBit } from '../../storage/testing/folder-objects.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import type { TrainChunkJob } from '../protocol.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTrainChunkJob } from './train-chunk.ts';

const STEPS = 8;
const engine = createOnnxRuntimeEngine({ threads: 1 });
const spec: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const config = tinyConfig({ model: { depth: 1, conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } } });
const items = tinyItems(8);
const damaged = {
  code: 'corrupt',
  message: expect.stringContaining('is damaged'),
  hint: expect.stringContaining('verify'),
};

let folder = '';
const folders: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-damaged-'));
  folders.push(folder);
});
afterAll(async () => {
  for (const each of folders) await rm(each, { recursive: true, force: true });
});

async function openSite() {
  const store = await openStore(`file:${join(folder, 'store')}`, { mayBlock: true });
  const blobs = createBlobStore(store, LIFETIMES, openSumsFolder(join(folder, 'cache')));
  const dataset = await putTinyDataset(blobs, items, { signals: ['text'], pageSize: 4 });
  const [, page] = (await readDataset(blobs, dataset)).pages;
  if (page?.columns.image === undefined) throw new Error('there are two pages');
  const job: Omit<TrainChunkJob, 'from' | 'to'> = {
    kind: 'train-chunk',
    config: (await putDocument(blobs, config)).digest,
    dataset,
    engine: spec,
    plan: { micro_batch: 4, gradient_checkpointing: false },
  };
  const context = (breathe: JobContext['breathe']): JobContext => ({
    blobs,
    engine: async () => engine,
    openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 0 }, onPage),
    progress: () => {},
    breathe,
  });
  const handler = createTrainChunkJob();
  return {
    blobs,
    image: page.columns.image,
    path: join(folder, 'store', blobKey(page.columns.image)),
    /** Steps from a checkpoint on; `afterStep` is told the number of each step. */
    async train(from: number, parent?: Digest, afterStep: (step: number) => Promise<void> = async () => {}) {
      let step = from;
      const ctx = context(async () => {
        await afterStep(++step);
        return 'continue';
      });
      const { outputs, to } = await handler(ctx, { ...job, from, to: STEPS, ...(parent && { parent }) });
      const checkpoint = outputs.checkpoint?.digest;
      if (checkpoint === undefined || !isDigest(checkpoint)) throw new Error('there is no checkpoint');
      return { checkpoint, to };
    },
    async repair(bytes: Uint8Array) {
      await store.delete(blobKey(page.columns.image as Digest));
      await blobs.put(bytes);
    },
  };
}

/** Flips a bit in the pixels of the last picture of the second page. */
async function flip({ blobs, image, path }: Site): Promise<void> {
  const span = (await readStoredIndex(blobs, image)).get(memberName('image', items[7]?.id ?? ''));
  if (span === undefined) throw new Error('there is no such picture');
  await flipBit(path, span.offset + 500);
}

type Site = Awaited<ReturnType<typeof openSite>>;

/** Chunk after chunk, until one tells the damage. @returns The steps that were taken, and the error. */
async function trainToDamage(site: Site, afterStep?: (step: number) => Promise<void>) {
  let taken: { readonly to: number; readonly checkpoint?: Digest } = { to: 0 };
  for (;;) {
    const chunk = await site.train(taken.to, taken.checkpoint, afterStep).catch((error: unknown) => ({ error }));
    if ('error' in chunk) return { ...taken, error: chunk.error };
    expect(chunk.to).toBeLessThan(STEPS);
    taken = { checkpoint: chunk.checkpoint, to: chunk.to ?? 0 };
  }
}

describe('a bit of a picture flips on the disk', () => {
  const named = { member: memberName('image', items[7]?.id ?? '') };

  test('before it is read: nothing is trained, and after a repair the bytes are those of an undisturbed run', async () => {
    const site = await openSite();
    const whole = await site.blobs.get(site.image);
    await flip(site);
    const { to, error } = await trainToDamage(site);
    expect(to).toBe(0);
    expect(error).toMatchObject({ ...damaged, details: { digest: site.image } });
    await site.repair(whole);
    const { checkpoint } = await site.train(0);
    folder = join(folder, 'undisturbed');
    expect(checkpoint).toBe((await (await openSite()).train(0)).checkpoint);
  });

  test('between two processes: no step is taken with the picture, and the repaired run ends in equal bytes', async () => {
    const first = await openSite();
    const whole = await first.blobs.get(first.image);
    const undisturbed = await first.train(0);
    await flip(first);
    const site = await openSite();
    const { to, checkpoint, error } = await trainToDamage(site);
    expect(error).toMatchObject({ ...damaged, details: { digest: site.image, ...named } });
    await site.repair(whole);
    expect((await site.train(to, checkpoint)).checkpoint).toBe(undisturbed.checkpoint);
  });

  test('while it trains: the steps before are kept, and the repaired run ends in equal bytes', async () => {
    const site = await openSite();
    const whole = await site.blobs.get(site.image);
    const undisturbed = await site.train(0);
    const { to, checkpoint, error } = await trainToDamage(site, async step => {
      if (step === 1) await flip(site);
    });
    expect(to).toBeGreaterThan(0);
    expect(error).toMatchObject({ ...damaged, details: { digest: site.image, ...named } });
    await site.repair(whole);
    expect((await site.train(to, checkpoint)).checkpoint).toBe(undisturbed.checkpoint);
  });
});
