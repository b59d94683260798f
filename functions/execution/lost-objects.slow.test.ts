import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { digestSchema } from '../../storage/records.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { registry } from '../registry.ts';
import { findHistoryFaults } from '../testing/history.ts';
import { poolInPlace } from '../testing/pictures.ts';
import { ASKED_ENGINE, createFakeRunner, ENGINE, TOY_CONFIG } from '../testing/training.ts';
import { createExecutor } from './executor.ts';

const preparedSchema = z.object({ digest: digestSchema });
const trainedSchema = z.object({
  state: z.literal('done'),
  checkpoint: digestSchema,
  step: z.int(),
  chunks: z.array(z.object({ from: z.int(), to: z.int() })),
  checkpoints: z.array(z.object({ step: z.int() })),
});
const sampledSchema = z.object({ digest: digestSchema });

/** Goes from drawn pictures to a sample, in a process without any memory. */
async function runPipeline(objects: MemoryObjects, target: number, seed: number) {
  const store = createMemoryStore(objects);
  const blobs = createBlobStore(store);
  const runner = createFakeRunner(blobs);
  const executor = createExecutor({
    store,
    blobs,
    registry,
    runner,
    pool: poolInPlace,
    importRoots: [],
    clock: new FakeTime().clock(),
  });
  const pictures = { dataset: 'six', source: 'portraits', count: 6, size: 16, seed: 3 };
  const { digest: dataset } = preparedSchema.parse(await executor.callEffect('prepare', pictures));
  const request = { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE };
  await executor.heal(() => createExperiment({ store, blobs, runner }, 'toy', request), new AbortController().signal);
  const trained = trainedSchema.parse(await executor.callEffect('train', { experiment: 'toy', target }));
  const sampling = { checkpoint: 'toy', prompts: ['a red hat'], steps: 2, seed, engine: ENGINE };
  const { outputs } = (await executor.call('sample', sampling)).result;
  await executor.close();
  const { step, checkpoint, chunks, checkpoints } = trained;
  const faults = findHistoryFaults({ step, chunks, kept: checkpoints.map(kept => kept.step) });
  return { dataset, step, checkpoint, picture: sampledSchema.parse(outputs.image_000).digest, faults };
}

describe('after the loss of any one object of a finished pipeline', () => {
  const objects: MemoryObjects = new Map();
  beforeAll(async () => {
    await runPipeline(objects, 96, 1);
  });

  test.each([
    ['the same calls have the same answers', 96, 1],
    ['another picture comes from the same model', 96, 2],
    ['the training goes on and ends as without the loss', 128, 2],
  ])('%s', async (_, target, seed) => {
    const expected = await runPipeline(new Map(objects), target, seed);
    expect(expected.faults).toEqual([]);
    const kinds = new Map<string, number>();
    for (const key of objects.keys()) {
      const left = new Map(objects);
      left.delete(key);
      const ends = await runPipeline(left, target, seed).catch((error: unknown) => error);
      expect(ends, key).toEqual(expected);
      const kind = key.split('/').slice(0, 2).join('/');
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    expect(kinds.get('cas/sha256')).toBeGreaterThanOrEqual(40);
    for (const kind of [
      'actions/train-chunk',
      'actions/ingest',
      'refs/experiments',
      'refs/datasets',
      'leases/experiments',
    ]) {
      expect(kinds.get(kind), kind).toBeGreaterThan(0);
    }
  });
});
