/** @file A call that is killed at any write: the same call again ends with what an undisturbed one ends with. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { digestSchema } from '../storage/records.ts';
import type { ObjectStore } from '../storage/types.ts';
import { takesAll } from '../test/whole-suite.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

/** Every so many of the tried writes. */
const EVERY = takesAll('two of three writes at which calls are killed') ? 1 : 3;
const PORTRAITS = { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 70 };
const FEW = { ...PORTRAITS, size: 16, count: 12 };
const digestsSchema = z.object({ digest: digestSchema });
const filesSchema = z.object({ files: z.array(z.object({ file: z.string(), digest: digestSchema })) });

let folder = '';
/** Shards of the few portraits, in `folder`, and the objects of the store that has them prepared. */
let prepared: MemoryObjects;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'easel-killed-')));
  prepared = new Map();
  const lab = labOver(createMemoryStore(prepared));
  await lab.executor.callEffect('prepare', FEW);
  const other = labOver(createMemoryStore(new Map(prepared)));
  await other.executor.callEffect('shard', { dataset: 'p', max_samples: 5 });
  for (const key of await listKeys(other.store, 'datasets/p/shards/')) {
    const file = join(folder, 'shards', key.slice('datasets/p/shards/'.length));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, (await other.store.get(key))?.body ?? '');
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function labOver(store: ObjectStore): PictureLab {
  return createPictureLab({ store, importRoots: [folder] });
}

interface Call {
  readonly name: string;
  /** Objects of the store before the call. */
  readonly before: () => MemoryObjects;
  /** @returns What the call must end with. */
  readonly run: (lab: PictureLab) => Promise<unknown>;
  /** Every so many writes, one is a death. */
  readonly every: number;
  readonly writes: number;
}

const CALLS: readonly Call[] = [
  {
    name: 'prepare of a drawn set',
    before: () => new Map(),
    run: async lab => digestsSchema.parse(await lab.executor.callEffect('prepare', PORTRAITS)),
    ...{ every: 5, writes: 40 },
  },
  {
    name: 'prepare of shards with their signals',
    before: () => new Map(),
    run: async lab => {
      const call = { dataset: 'read', folder: join(folder, 'shards'), size: 16 };
      return digestsSchema.parse(await lab.executor.callEffect('prepare', call));
    },
    ...{ every: 2, writes: 20 },
  },
  {
    name: 'shard',
    before: () => new Map(prepared),
    run: async lab => {
      const { files } = filesSchema.parse(await lab.executor.callEffect('shard', { dataset: 'p', max_samples: 5 }));
      return { files, view: await listKeys(lab.store, 'datasets/p/') };
    },
    ...{ every: 1, writes: 8 },
  },
];

test.each(CALLS)('after a kill at any write of $name, the same call completes to the same end', async call => {
  const objects = call.before();
  // A kill before the n-th write leaves the first n - 1.
  const left: MemoryObjects[] = [];
  const recorded = interceptStore(createMemoryStore(objects), async ({ operation }, run) => {
    if (operation === 'put') left.push(new Map(objects));
    return run();
  });
  const whole = await call.run(labOver(recorded));
  expect(left.length).toBeGreaterThan(call.writes);
  for (let writes = 0; writes < left.length; writes += EVERY * call.every) {
    expect(await call.run(labOver(createMemoryStore(left[writes]))), `killed after ${writes} writes`).toEqual(whole);
  }
});
