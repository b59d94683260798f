import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { StoreFull } from '../errors.ts';
import type { Json } from '../storage/canonical.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { readHead } from './experiments/experiment-head.ts';
import { deleteExperiment } from './operations/delete-experiment.ts';
import { pauseExperiment } from './operations/pause-experiment.ts';
import { createTrainingLab, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;
/** Keys for which the store has no room. */
let full: RegExp | undefined;
/** What a folder store still takes when its disk is full: see storage/drivers/file/file-store.ts. */
const BLOBS = /^(cas|actions)\/|events\.jsonl$/;

beforeEach(() => {
  full = undefined;
  lab = createTrainingLab(
    interceptStore(createMemoryStore(), async (call, run) => {
      if ((call.operation === 'put' || call.operation === 'copy') && full?.test(call.key)) {
        throw new StoreFull('the disk of the store is full');
      }
      return run();
    }),
  );
});

const train = () => lab.executor.callEffect('train', { experiment: 'toy' });
const collect = (body: Json) => lab.executor.callEffect('gc', body);
const headOf = async (name: string) => (await readHead(lab.store, name)).value;

describe('a store without room', () => {
  test.each([
    ['for blobs', BLOBS],
    ['for the view of a chunk that counts already', /^experiments\/toy\/log\//],
    ['for heads', /^refs\//],
  ])('%s stops a training with that reason, and the same call goes on with room', async (_, keys) => {
    await lab.create('toy');
    lab.runner.onStep = step => {
      if (step === 5) full = keys;
    };
    await expect(train()).rejects.toMatchObject({ code: 'store_full', status: 507 });
    full = undefined;
    lab.runner.onStep = () => {};
    expect(await train()).toMatchObject({ state: 'done', step: 16 });
  });

  test('for blobs pauses, deletes and collects garbage', async () => {
    await lab.create('toy');
    await lab.create('other');
    lab.runner.onStep = step => {
      if (step === 5) full = BLOBS;
    };
    await expect(train()).rejects.toThrow('the disk of the store is full');
    await pauseExperiment(lab, 'toy');
    expect((await headOf('toy')).checkpoint).toBeDefined();
    await deleteExperiment({ ...lab, now: Date.now }, 'other');
    const atOnce = { delete: true, alone: true, grace_seconds: 0, retention_seconds: 0 };
    await collect(atOnce);
    const { swept } = z.object({ swept: z.object({ objects: z.int() }) }).parse(await collect(atOnce));
    expect(swept.objects).toBeGreaterThan(0);
    await expect(headOf('other')).rejects.toThrow('there is no experiment');
  });
});
