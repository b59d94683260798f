import { describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../../configs/progress.ts';
import { Cancelled } from '../../errors.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument, readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Engine } from '../compiler/engine.ts';
import type { Graph } from '../compiler/graph.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import { jobEventSchema, type TrainChunkJob } from '../protocol.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import type { JobContext } from './context.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { createTrainChunkJob } from './train-chunk.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
const spec: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const plan = { micro_batch: 4, gradient_checkpointing: false };
const config = tinyConfig({ model: { depth: 1, conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } } });

interface SetUp {
  readonly blobs: BlobStore;
  readonly job: Pick<TrainChunkJob, 'kind' | 'config' | 'dataset' | 'engine' | 'plan'>;
  context(breathe?: JobContext['breathe']): JobContext;
}

async function setUp(): Promise<SetUp> {
  const blobs = createBlobStore(createMemoryStore());
  const items = tinyItems(9);
  const dataset = await putTinyDataset(blobs, items, {
    signals: ['text'],
    validation: [8],
    removed: [items[7]?.id ?? ''],
  });
  return {
    blobs,
    job: {
      kind: 'train-chunk',
      config: (await putDocument(blobs, config)).digest,
      dataset,
      engine: spec,
      plan,
    },
    context: (breathe = async () => 'continue') => ({
      blobs,
      engine: async () => engine,
      openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 20 }, onPage),
      progress: () => {},
      breathe,
    }),
  };
}

function digestFrom(digest: string | undefined): Digest {
  if (digest === undefined || !isDigest(digest)) throw new Error('the job made no checkpoint');
  return digest;
}

async function readLines(blobs: BlobStore, log: string | undefined): Promise<string[]> {
  const text = new TextDecoder().decode(await blobs.get(digestFrom(log)));
  return text.trim().split('\n');
}

describe('the train-chunk job', () => {
  it('ends in the same checkpoint for any cut of the steps, on a warm and on a cold runner', async () => {
    const { job, context } = await setUp();
    const whole = await createTrainChunkJob()(context(), { ...job, from: 0, to: 6 });
    const warm = createTrainChunkJob();
    for (const run of [warm, createTrainChunkJob]) {
      let parent: Digest | undefined;
      for (const [from, to] of [
        [0, 1],
        [1, 4],
        [4, 6],
      ] as const) {
        const handler = run === warm ? warm : createTrainChunkJob();
        const { outputs } = await handler(context(), { ...job, from, to, ...(parent && { parent }) });
        parent = digestFrom(outputs.checkpoint?.digest);
      }
      expect(parent).toBe(whole.outputs.checkpoint?.digest);
    }
  });

  it('with gradient checkpointing the graphs recompute blocks, and losses are equal up to rounding', async () => {
    const { blobs, job, context } = await setUp();
    const kept = await createTrainChunkJob()(context(), { ...job, from: 0, to: 5 });
    const graphs: Graph[] = [];
    const watched: Engine = {
      ...engine,
      compile(graph) {
        graphs.push(graph);
        return engine.compile(graph);
      },
    };
    const ctx = { ...context(), engine: async () => watched };
    const again = { ...job, plan: { ...plan, gradient_checkpointing: true } };
    const { outputs } = await createTrainChunkJob()(ctx, { ...again, from: 0, to: 5 });
    const lossesOf = async (log: string | undefined) =>
      (await readLines(blobs, log)).map(line => JSON.parse(line).loss as number);
    const expected = await lossesOf(kept.outputs.log?.digest);
    expect(await lossesOf(outputs.log?.digest)).toEqual(expected.map(loss => expect.closeTo(loss, 4)));
    expect(graphs.some(({ nodes }) => nodes.some(({ op }) => op === 'after'))).toBe(true);
  });

  it('logs one line per step', async () => {
    const { blobs, job, context } = await setUp();
    const { outputs } = await createTrainChunkJob()(context(), { ...job, from: 0, to: 3 });
    const lines = await readLines(blobs, outputs.log?.digest);
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { step: 1, samples: 4, skipped: false },
      { step: 2, samples: 8, skipped: false },
      { step: 3, samples: 12, skipped: false },
    ]);
  });

  it('logs a skipped step, in valid JSON', async () => {
    const { blobs, job, context } = await setUp();
    const endless = {
      ...config,
      objective: { ...config.objective, prediction_type: 'v_prediction', noise_scale: 1e30 },
    };
    const updates: ProgressEvent[] = [];
    const handler = createTrainChunkJob();
    const digest = (await putDocument(blobs, endless)).digest;
    const watched = { ...context(), progress: (update: ProgressEvent) => updates.push(update) };
    const { outputs } = await handler(watched, { ...job, config: digest, from: 0, to: 1 });
    const line = JSON.parse(new TextDecoder().decode(await blobs.get(digestFrom(outputs.log?.digest))));
    expect(line).toMatchObject({ step: 1, loss: null, skipped: true });
    expect(line.reason).toContain('the loss is Infinity; not finite');
    const told = updates.find(({ phase }) => phase === 'train');
    expect(told).toMatchObject({
      message: expect.stringContaining(`step 1 was skipped: ${line.reason}; pictures: ${line.suspects[0]}`),
      metrics: { samples: 4 },
    });
    for (const update of updates) jobEventSchema.parse(JSON.parse(JSON.stringify({ type: 'progress', ...update })));
  });

  it('loads and links the weights of frozen nets, and does not write them into the checkpoint', async () => {
    const { blobs, job, context } = await setUp();
    const weights = { teacher: [(await blobs.put(encodeSafetensors({ proj: tensorOf([2], [1, 2]) }))).digest] };
    const handler = createTrainChunkJob();
    const { outputs, links } = await handler(context(), { ...job, weights, from: 0, to: 1 });
    const plain = await createTrainChunkJob()(context(), { ...job, from: 0, to: 1 });
    expect(links).toEqual([...plain.links, ...weights.teacher]);
    expect(outputs).toEqual(plain.outputs);

    const parent = digestFrom(outputs.checkpoint?.digest);
    const broken = { teacher: [(await blobs.put(Buffer.from('not a tensor'))).digest] };
    const next = { ...job, parent, from: 1, to: 2 };
    // The trainer on the device has other weights, so it is not reused.
    await expect(handler(context(), { ...next, weights: broken })).rejects.toThrow('safetensors');
  });

  it('tells that memory ran out, and trains the same chunk with a smaller micro-batch as if nothing had happened', async () => {
    const { job, context } = await setUp();
    const text = 'bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 137438953472';
    const small = wrapRuns(
      engine,
      run => (state, inputs) => (inputs.x0?.shape[0] === 4 ? Promise.reject(new Error(text)) : run(state, inputs)),
    );
    const tight: JobContext = { ...context(), engine: async () => small };
    const handler = createTrainChunkJob();
    await expect(handler(tight, { ...job, from: 0, to: 2 })).rejects.toMatchObject({ code: 'out_of_memory' });
    const halved = { ...job, plan: { ...plan, micro_batch: 2 }, from: 0, to: 2 };
    const { outputs } = await handler(tight, halved);
    expect(outputs).toEqual((await createTrainChunkJob()(context(), halved)).outputs);
  });

  it('commits the finished steps if the runner stops', async () => {
    const { job, context } = await setUp();
    let steps = 0;
    const breathe = async () => (++steps === 2 ? 'stop' : 'continue');
    const short = await createTrainChunkJob()(context(breathe as JobContext['breathe']), { ...job, from: 0, to: 5 });
    const asked = await createTrainChunkJob()(context(), { ...job, from: 0, to: 2 });
    expect(short.to).toBe(2);
    expect(short.outputs).toEqual(asked.outputs);
  });

  it('trains correctly after a cancelled chunk', async () => {
    const { job, context } = await setUp();
    const handler = createTrainChunkJob();
    const cancel = () => Promise.reject(new Cancelled('enough'));
    await expect(handler(context(cancel), { ...job, from: 0, to: 5 })).rejects.toThrow('enough');
    const after = await handler(context(), { ...job, from: 0, to: 2 });
    const undisturbed = await createTrainChunkJob()(context(), { ...job, from: 0, to: 2 });
    expect(after.outputs).toEqual(undisturbed.outputs);
  });

  it('breathes while it waits for data, and stops if the runner stops', async () => {
    const { job, context } = await setUp();
    const stuck: JobContext = {
      ...context(async () => 'stop'),
      openSource: async (options, onPage) => ({
        ...(await context().openSource(options, onPage)),
        load: () => new Promise(() => {}),
      }),
    };
    const { to } = await createTrainChunkJob()(stuck, { ...job, from: 0, to: 3 });
    expect(to).toBe(0);
  });

  it('commits finished steps when data is lost on the way; the next chunk tells the loss', async () => {
    const { job, context } = await setUp();
    let loads = 0;
    const failing: JobContext = {
      ...context(),
      async openSource(options, onPage) {
        const source = await context().openSource(options, onPage);
        return {
          ...source,
          load: positions => (++loads > 2 ? Promise.reject(new Cancelled('the page is lost')) : source.load(positions)),
        };
      },
    };
    const run = createTrainChunkJob();
    const short = await run(failing, { ...job, from: 0, to: 5 });
    expect(short.to).toBe(2);
    const asked = await createTrainChunkJob()(context(), { ...job, from: 0, to: 2 });
    expect(short.outputs).toEqual(asked.outputs);
    const parent = digestFrom(short.outputs.checkpoint?.digest);
    await expect(run(failing, { ...job, parent, from: 2, to: 5 })).rejects.toThrow('the page is lost');
  });

  it('refuses a stored signal of another shape than the config says', async () => {
    const { blobs, job, context } = await setUp();
    const wider = tinyConfig({ model: { depth: 1, conditions: { text: { encoder: 'words', dim: 7, tokens: 8 } } } });
    const digest = (await putDocument(blobs, wider)).digest;
    await expect(createTrainChunkJob()(context(), { ...job, config: digest, from: 0, to: 1 })).rejects.toThrow(
      /text of \d+ has \d+ numbers/,
    );
  });

  it('trains neither on other splits nor on removed pictures', async () => {
    const { blobs, job, context } = await setUp();
    const { outputs } = await createTrainChunkJob()(context(), { ...job, from: 0, to: 2 });
    const checkpoint = await readCheckpoint(blobs, digestFrom(outputs.checkpoint?.digest));
    // 9 pictures without one of val and one removed are 7: the second batch has one of the next epoch.
    expect(checkpoint).toMatchObject({ step: 2, samples: 8, cursor: { epoch: 1, position: 1, group: 1 } });
  });

  it('goes on with the next epoch from a checkpoint of an earlier version, and says so', async () => {
    const { blobs, job, context } = await setUp();
    const run = createTrainChunkJob();
    const { outputs } = await run(context(), { ...job, from: 0, to: 1 });
    const { tensors, ...checkpoint } = await readCheckpoint(blobs, digestFrom(outputs.checkpoint?.digest));
    // It counted updates.
    const old = { ...checkpoint, tensors, cursor: { epoch: 0, position: 1 } };
    const parent = (await putDocument(blobs, old)).digest;
    const messages: (string | undefined)[] = [];
    const ctx = { ...context(), progress: (event: ProgressEvent) => messages.push(event.message) };
    const next = await createTrainChunkJob()(ctx, { ...job, parent, from: 1, to: 2 });
    expect(await readCheckpoint(blobs, digestFrom(next.outputs.checkpoint?.digest))).toMatchObject({
      step: 2,
      cursor: { epoch: 1, position: 4, group: 1 },
    });
    expect(messages).toContain(
      'the checkpoint of step 1 counts pictures in another order, of an earlier version or of other pictures: ' +
        'training goes on with the next pass over the pictures, number 2',
    );
  });

  it('refuses a range that does not follow the parent, a parent of another config, and a missing column', async () => {
    const { blobs, job, context } = await setUp();
    const run = createTrainChunkJob();
    const { outputs } = await run(context(), { ...job, from: 0, to: 2 });
    const parent = digestFrom(outputs.checkpoint?.digest);
    await expect(run(context(), { ...job, parent, from: 1, to: 3 })).rejects.toThrow('do not follow step 2');
    const other = (await putDocument(blobs, { ...config, seed: 8 })).digest;
    await expect(run(context(), { ...job, config: other, parent, from: 2, to: 3 })).rejects.toThrow(
      'belongs to config',
    );
    const posed = tinyConfig({ model: { depth: 1, conditions: { pose: { joints: 133 } } } });
    const posedConfig = (await putDocument(blobs, posed)).digest;
    await expect(run(context(), { ...job, config: posedConfig, from: 0, to: 1 })).rejects.toThrow('no column "pose"');
  });
});
