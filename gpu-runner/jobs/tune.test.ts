import { expect, it } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { Engine } from '../compiler/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import type { TuneJob } from '../protocol.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTuneJob } from './tune.ts';

const config = tinyConfig({ model: { depth: 1, conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } } });

/** An engine that names the programs that it compiles as its choices. */
function createMeasuringEngine(): Engine & { readonly compiled: number[]; isDisposed: boolean } {
  const compiled: number[] = [];
  const engine = {
    ...createReferenceEngine(),
    compiled,
    isDisposed: false,
    async compile(graph: Parameters<Engine['compile']>[0]) {
      compiled.push(graph.nodes.length);
      return createReferenceEngine().compile(graph);
    },
    readChoices: () => Buffer.from(`${compiled.length} programs`),
    async dispose() {
      engine.isDisposed = true;
    },
  };
  return engine;
}

async function setUp() {
  const blobs = createBlobStore(createMemoryStore());
  const dataset = await putTinyDataset(blobs, tinyItems(4), { signals: ['text'], validation: [], removed: [] });
  const progress: (number | undefined)[] = [];
  const ctx: JobContext = {
    blobs,
    engine: () => Promise.reject(new Error('the job opens an engine of its own')),
    openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 20 }, onPage),
    progress: ({ phase, done }) => void (phase === 'compile' && progress.push(done)),
    breathe: async () => 'continue',
  };
  const job: TuneJob = {
    kind: 'tune',
    config: (await putDocument(blobs, config)).digest,
    dataset,
    engine: { name: 'xla/cuda', precision: 'f32', threads: 1 },
    plan: { micro_batch: 2, gradient_checkpointing: false },
  };
  return { blobs, ctx, job, progress };
}

it('the job tune compiles the programs of all micro-batches and the update, and stores what the engine measured', async () => {
  const { blobs, ctx, job, progress } = await setUp();
  const engine = createMeasuringEngine();
  const { outputs, links } = await createTuneJob(async (spec, options) => {
    expect([spec, options]).toEqual([job.engine, { records: true }]);
    return engine;
  })(ctx, job);
  expect(progress).toEqual([0, 1, 2]);
  expect(engine.compiled).toHaveLength(3);
  expect(engine.isDisposed).toBe(true);
  const digest = outputs.choices?.digest as Digest;
  expect(Buffer.from(await blobs.get(digest)).toString()).toBe('3 programs');
  expect(links).toEqual([]);
});

it('the job tune stores nothing for an engine that measures nothing, and refuses one whose kernels are chosen', async () => {
  const { ctx, job } = await setUp();
  const tune = createTuneJob(async () => createReferenceEngine());
  expect((await tune(ctx, job)).outputs).toEqual({});
  const chosen = { ...job.engine, autotune: job.config };
  await expect(tune(ctx, { ...job, engine: chosen })).rejects.toThrow('the kernels of this engine are chosen');
});
