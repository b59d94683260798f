/**
 * @file A gpu-runner without a model: its "weights" are a hash over the steps taken. So tests see in microseconds
 * whether the driver keeps its promise: equal bits, no matter how a training was cut, killed or paused.
 */
import { createHash } from 'node:crypto';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { keyedConfigSchema } from '../../configs/schema.ts';
import type { Seed } from '../../configs/seed.ts';
import type { Validation } from '../../configs/validation.ts';
import { Cancelled, Unprocessable } from '../../errors.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
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
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { type Checkpoint, checkpointSchema } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';

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
export function fakeValidation({ checkpoint, pictures, noises = 1 }: FlowLossJob): Validation {
  const loss = Number.parseInt(checkpoint.slice(-6), 16) / 2 ** 24;
  const measured = { loss, by_time: [loss], velocity_norm: loss, pictures };
  const grid = { times: [0.5], ...(noises > 1 && { noises }) };
  return { v: 1, kind: 'validation', checkpoint, ...grid, held_out: measured, train: measured, links: [] };
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
