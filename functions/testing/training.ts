/**
 * @file Training without a model: a gpu-runner whose "weights" are a hash over the steps taken. So tests see in
 * microseconds whether the driver keeps its promise: equal bits, no matter how a training was cut, killed or paused.
 */
import { createHash } from 'node:crypto';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { keyedConfigSchema } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import type { Validation } from '../../configs/validation.ts';
import { Cancelled, Unprocessable } from '../../errors.ts';
import { encodeNpy, type NpyInput } from '../../formats/npy.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { packColumn } from '../../formats/webdataset.ts';
import type {
  FlowLossJob,
  Job,
  JobResult,
  PlanJob,
  RunnerClient,
  RunnerStatus,
  SampleJob,
  TrainChunkJob,
} from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES, type Lifetimes } from '../../storage/gc/lifetimes.ts';
import { listAll } from '../../storage/list-all.ts';
import type { LeaseTerms } from '../../storage/names/lease.ts';
import { type Checkpoint, checkpointSchema, type Dataset } from '../../storage/records.ts';
import type { BlobRef, BlobStore, ObjectStore, StreamedBlobStore } from '../../storage/types.ts';
import { ablate } from '../ablate.ts';
import { checkMemorization } from '../check-memorization.ts';
import { clipDistance } from '../clip-distance.ts';
import { clipScore } from '../clip-score.ts';
import { collage } from '../collage.ts';
import { compare } from '../compare.ts';
import { compareScores } from '../compare-scores.ts';
import { compareSets } from '../compare-sets.ts';
import { compareSplits } from '../compare-splits.ts';
import { controlPictures } from '../control-pictures.ts';
import { counterpartPictures } from '../counterpart-pictures.ts';
import { distance } from '../distance.ts';
import { draw } from '../draw.ts';
import { encodeDct } from '../encoders/encode-dct.ts';
import { encodeWords } from '../encoders/words.ts';
import { evaluate } from '../evaluate.ts';
import { createExecutor, type Executor } from '../execution/executor.ts';
import type { TrainingEngineRequest } from '../experiments/resolve-engine.ts';
import type { PictureSize } from '../experiments/training-size.ts';
import { exportWeights } from '../export.ts';
import { features } from '../features.ts';
import { flowLoss } from '../flow-loss.ts';
import { gc } from '../gc.ts';
import { heldOut } from '../held-out.ts';
import { memorization } from '../memorization.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { pairSheet } from '../pair-sheet.ts';
import { pictureFiles } from '../picture-files.ts';
import { planMemory } from '../plan-memory.ts';
import { preflight } from '../preflight.ts';
import { preview } from '../preview.ts';
import { probeDrawn } from '../probe-drawn.ts';
import { probePictures } from '../probe-pictures.ts';
import { renderComparison } from '../render-comparison.ts';
import { report } from '../report.ts';
import { sample } from '../sample.ts';
import { scorePictures } from '../score-pictures.ts';
import { scorePoses } from '../score-poses.ts';
import { subset } from '../subset.ts';
import { sweep } from '../sweep.ts';
import { train } from '../train.ts';
import { trainChunk } from '../train-chunk.ts';
import { tune } from '../tune.ts';
import { validate } from '../validate.ts';
import { verify } from '../verify.ts';
import { verifyResume } from '../verify-resume.ts';
import { inlinePool } from './inline-pool.ts';

export const ENGINE = { name: 'reference', precision: 'f32', threads: 1 } as const;
export const PLAN = { micro_batch: 2, gradient_checkpointing: false } as const;
/** Both, as PUT /experiments/<name> takes them. */
export const ASKED_ENGINE = { ...ENGINE, micro_batch: PLAN.micro_batch } as const;

/** 8 samples per step, chunks of 4 steps, 16 steps, one preview. */
export const TOY_CONFIG = {
  model: { hidden_size: 16, depth: 1, num_heads: 1, patch_size: 8, patch_overlap: 0 },
  optimizer: { total_samples: 128, warmup_samples: 0 },
  data: { batch_size: 8 },
  run: { chunk_steps: 4, keep: 1, preview: { prompts: ['a red hat'], steps: 2 } },
};

export interface FakeRunner extends RunnerClient {
  /** Jobs that were computed, in order: `train 0-4`, `sample`. */
  readonly computed: string[];
  /** Called before each optimizer step. */
  onStep: (step: number) => Promise<void> | void;
  /** Columns of the log of a step, besides step and samples. */
  logOf: (step: number) => Readonly<Record<string, Json>>;
  /** Numbers of the machine of a chunk; absent: it tells none. */
  metrics?: Readonly<Record<string, number>>;
  /** Answers `plan` jobs; absent: the runner has no planner. */
  onPlan?: ((job: PlanJob) => MemoryPlan) | undefined;
  /** Engines besides the reference engine. */
  moreEngines: RunnerStatus['engines'];
  /** Memory of the device of every engine; absent: not known. */
  memoryBytes?: number | undefined;
  /** The runner shuts down after this step: the chunk ends there, once. */
  stopAfter: number | undefined;
}

/** @param rounding Runners of unlike rounding compute unlike bytes, as two devices do. */
export function createFakeRunner(blobs: BlobStore, rounding = ''): FakeRunner {
  const remembered = new Map<string, JobResult>();
  const runner: FakeRunner = {
    computed: [],
    onStep: () => {},
    logOf: step => ({ loss: 1 / step }),
    moreEngines: [],
    stopAfter: undefined,
    async run(action, job, { signal, onEvent = () => {} }) {
      const known = remembered.get(action);
      if (known) return known;
      const result = await computeJob({ runner, blobs, rounding }, job, signal, onEvent);
      remembered.set(action, result);
      return result;
    },
    status: async () => ({
      ...STATUS,
      engines: [...STATUS.engines, ...runner.moreEngines].map(engine =>
        runner.memoryBytes === undefined ? engine : { ...engine, memory_bytes: runner.memoryBytes },
      ),
    }),
  };
  return runner;
}

const STATUS: RunnerStatus = {
  v: 1,
  pid: 1,
  uptime: 1,
  device: 'fake',
  heartbeat_age_ms: 0,
  running: null,
  queued: 0,
  finished: 0,
  stopping: false,
  engines: [
    { name: 'onnxruntime/cpu', available: false, reason: 'this is a test' },
    { name: 'reference', available: true, threads: 1 },
  ],
};

type Run = Parameters<RunnerClient['run']>[2];

interface Device {
  readonly runner: FakeRunner;
  readonly blobs: BlobStore;
  readonly rounding: string;
}

/** The loss of a checkpoint is any number that its digest decides. */
export function fakeValidation({ checkpoint, pictures }: FlowLossJob): Validation {
  const loss = Number.parseInt(checkpoint.slice(-6), 16) / 2 ** 24;
  const measured = { loss, by_time: [loss], velocity_norm: loss, pictures };
  return { v: 1, kind: 'validation', checkpoint, times: [0.5], held_out: measured, train: measured, links: [] };
}

async function computeJob(
  { runner, blobs, rounding }: Device,
  job: Job,
  signal: AbortSignal,
  onEvent: NonNullable<Run['onEvent']>,
): Promise<JobResult> {
  if (job.kind === 'sample') {
    runner.computed.push('sample');
    return { outputs: { pixels: await drawPixels(blobs, job, rounding) }, links: [], stats: {} };
  }
  if (job.kind === 'flow-loss') {
    runner.computed.push('flow-loss');
    return { outputs: { flow_loss: await putDocument(blobs, fakeValidation(job)) }, links: [], stats: {} };
  }
  if (job.kind === 'plan') {
    if (runner.onPlan === undefined) throw new Unprocessable('this runner has no planner');
    runner.computed.push('plan');
    return { outputs: { plan: await putDocument(blobs, runner.onPlan(job)) }, links: [], stats: {} };
  }
  if (job.kind === 'export') throw new Unprocessable('this runner has no weights');
  if (job.kind === 'rate') return { outputs: {}, links: [], stats: { operations_per_second: 1e11 } };
  if (job.kind === 'encode' || job.kind === 'distance') throw new Unprocessable('this runner has no encoders');
  if (job.kind === 'tune') {
    runner.computed.push('tune');
    const choices = await blobs.put(Buffer.from(`kernels for ${job.config}${rounding}`), 'text/plain');
    return { outputs: { choices }, links: [], stats: {} };
  }
  const config = keyedConfigSchema.parse(await readJson(blobs, job.config));
  let state = job.parent ? await readState(blobs, job.parent) : startOfSeed(config.seed);
  let step = job.from;
  let log = '';
  while (step < job.to) {
    await runner.onStep(step);
    if (signal.aborted) throw new Cancelled('the job was cancelled');
    state = digestOf(`${state} ${step} ${job.config} ${job.dataset}${rounding}`);
    step++;
    log += `${JSON.stringify({ step, samples: step * config.data.batch_size, ...runner.logOf(step) })}\n`;
    onEvent({
      type: 'progress',
      phase: 'train',
      done: step,
      total: job.to,
      unit: 'steps',
      metrics: { loss: 1 / step },
    });
    if (runner.stopAfter === step) {
      runner.stopAfter = undefined;
      break;
    }
  }
  runner.computed.push(`train ${job.from}-${step}`);
  const { checkpoint, links } = await putCheckpoint(blobs, job, config.data.batch_size, step, state);
  return {
    outputs: { checkpoint, log: await blobs.put(Buffer.from(log), 'application/jsonl') },
    links,
    stats: {
      seconds: 0,
      samples_per_second: 100,
      product_operations_per_second: 1e12,
      ...(runner.metrics && { metrics: { ...runner.metrics } }),
    },
    to: step,
  };
}

async function putCheckpoint(blobs: BlobStore, job: TrainChunkJob, batch: number, step: number, state: Digest) {
  const put = async (group: string) => (await blobs.put(Buffer.from(`${group} ${state}`))).digest;
  const tensors = { model: [await put('model')], optimizer: [await put('optimizer')], ema: [await put('ema')] };
  const links = [job.config, ...tensors.model, ...tensors.optimizer, ...tensors.ema];
  const document: Checkpoint = {
    v: 1,
    kind: 'checkpoint',
    step,
    samples: step * batch,
    cursor: { epoch: 0, position: step },
    rng_key: '0',
    config: job.config,
    tensors,
    links,
  };
  return { checkpoint: await putDocument(blobs, document), links };
}

/** All three groups are read, as training does. */
async function readState(blobs: BlobStore, checkpoint: Digest): Promise<Digest> {
  const { tensors } = checkpointSchema.parse(await readJson(blobs, checkpoint));
  const bodies = await Promise.all(Object.values(tensors).map(([digest]) => blobs.get(digest ?? digestOf(''))));
  const [state] = bodies.map(body => Buffer.from(body).toString().split(' ')[1]);
  return state as Digest;
}

const startOfSeed = (seed: Seed): Digest => digestOf(`seed ${seed}`);

async function startOf(blobs: BlobStore, config: Digest): Promise<Digest> {
  return startOfSeed(keyedConfigSchema.parse(await readJson(blobs, config)).seed);
}

async function drawPixels(blobs: BlobStore, job: SampleJob, rounding: string): Promise<BlobRef> {
  const { network } = job;
  const weights =
    'config' in network ? await startOf(blobs, network.config) : await readState(blobs, network.checkpoint);
  const { tensors } = decodeSafetensors(await blobs.get(job.conditions));
  const n = job.noise?.length ?? tensors.text?.shape[0] ?? 0;
  const size = job.width * job.height * 3;
  const data = new Uint8Array(n * size);
  for (let i = 0; i < n; i++) {
    const hash = createHash('sha256')
      .update(`${weights} ${job.conditions} ${job.seed} ${job.noise?.[i] ?? job.first + i}${rounding}`)
      .digest();
    for (let k = 0; k < size; k++) data[i * size + k] = hash[k % hash.length] ?? 0;
  }
  const npy = encodeNpy({ dtype: 'u8', shape: [n, job.height, job.width, 3], data });
  return blobs.put(npy, 'application/x-npy');
}

async function readJson(blobs: BlobStore, digest: Digest): Promise<unknown> {
  return JSON.parse(Buffer.from(await blobs.get(digest)).toString());
}

export interface ToyDataset {
  /** Pictures; at most 64. */
  readonly count?: number;
  /** Pixels, a multiple of 8. */
  readonly side?: number;
  /** The sizes of the pictures, each a multiple of 8, instead of `count` squares of `side`. */
  readonly sizes?: readonly PictureSize[];
  /** Pixels of a feature of `patches`. */
  readonly stride?: number;
  /** Number of the last pictures that are of the split val. */
  readonly heldOut?: number;
}

/** One page of random pictures with text from `words` and the signals of `dct`. */
export async function putToyDataset(
  blobs: BlobStore,
  {
    count = 2,
    side = 16,
    stride = 8,
    heldOut = 0,
    sizes = Array(count).fill({ width: side, height: side }),
  }: ToyDataset = {},
): Promise<Digest> {
  const items = sizes.map(({ width, height }, i) => {
    const id = i.toString(16).padStart(16, '0');
    const data = noise(id, 3 * width * height);
    return {
      ...{ id, data, width, height },
      features: encodeDct({ data, width, height }, stride),
      text: encodeWords(`hat ${i}`),
    };
  });
  const pack = async (suffix: string, encode: (item: (typeof items)[number]) => NpyInput) => {
    const members = new Map(items.map(item => [`${item.id}.${suffix}`, encodeNpy(encode(item))]));
    return (await blobs.put(packColumn(members), 'application/x-tar')).digest;
  };
  const splitOf = (i: number) => (i >= items.length - heldOut ? 'val' : 'train');
  const lines = items.map(
    ({ id }, i) => `${JSON.stringify({ id, name: id, original: digestOf(id), split: splitOf(i) })}\n`,
  );
  const page = (await blobs.put(Buffer.from(lines.join('')), 'application/jsonl')).digest;
  const columns = {
    image: await pack('image.npy', ({ data, width, height }) => ({ dtype: 'u8', shape: [3, height, width], data })),
    text: await pack('t5h.npy', ({ text }) => ({ dtype: 'f32', shape: [text.tokens, text.dim], data: text.data })),
    cls: await pack('dinov3.npy', ({ features: { cls } }) => ({ dtype: 'f32', shape: [cls.length], data: cls })),
    patches: await pack('dinov3_patches.npy', ({ features: { patches } }) => ({
      dtype: 'f32',
      shape: [patches.rows, patches.columns, 27],
      data: patches.data,
    })),
  };
  const document: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: [{ items: page, columns }],
    removed: [],
    encoders: {
      text: { name: 'words', dim: 192, tokens: 64 },
      cls: { name: 'dct', dim: 64 },
      patches: { name: 'dct', dim: 27, stride },
    },
    counts: {},
    rejects: [],
    links: [page, ...Object.values(columns)],
  };
  return (await putDocument(blobs, document)).digest;
}

function noise(seed: string, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  );
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}

export interface TrainingLab {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly runner: FakeRunner;
  readonly executor: Executor;
  /** Creates an experiment on the toy dataset. */
  create(name: string, config?: Readonly<Record<string, unknown>>, engine?: TrainingEngineRequest): Promise<void>;
}

export interface LabOptions {
  readonly rounding?: string;
  readonly lease?: LeaseTerms;
  readonly lifetimes?: Lifetimes;
  /** Default: that of the lifetimes. */
  readonly clock?: Clock;
}

/** Several labs over one store are several servers. */
export function createTrainingLab(store: ObjectStore = createMemoryStore(), options: LabOptions = {}): TrainingLab {
  const { lifetimes = LIFETIMES } = options;
  const blobs = createBlobStore(store, lifetimes);
  const runner = createFakeRunner(blobs, options.rounding);
  const executor = createExecutor({
    store,
    blobs,
    registry: [
      preflight,
      planMemory,
      train,
      ablate,
      sweep,
      subset,
      tune,
      trainChunk,
      preview,
      heldOut,
      draw,
      validate,
      scorePictures,
      scorePoses,
      probeDrawn,
      pictureFiles,
      counterpartPictures,
      compareScores,
      distance,
      collage,
      flowLoss,
      features,
      controlPictures,
      compareSets,
      compareSplits,
      memorization,
      probePictures,
      pairSheet,
      evaluate,
      checkMemorization,
      clipDistance,
      clipScore,
      exportWeights,
      sample,
      report,
      compare,
      renderComparison,
      gc,
      verify,
      verifyResume,
    ],
    runner,
    pool: inlinePool,
    importRoots: [],
    clock: options.clock ?? lifetimes.clock,
    lifetimes,
    ...(options.lease && { lease: options.lease }),
  });
  return {
    store,
    blobs,
    runner,
    executor,
    async create(name, config = TOY_CONFIG, engine = ASKED_ENGINE) {
      const dataset = await putToyDataset(blobs);
      await createExperiment({ store, blobs, runner, executor }, name, { config, dataset, engine });
    },
  };
}

/** All keys below a prefix, sorted. */
export async function listKeys(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listAll(store, prefix)) keys.push(key);
  return keys.sort();
}
