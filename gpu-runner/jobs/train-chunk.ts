/** @file Optimizer steps [from, to): a pure function of config, parent checkpoint, dataset, range, engine and plan. */

import { listSome } from '../../configs/quantity.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { JobResult, TrainChunkJob } from '../protocol.ts';
import type { EpochPlan } from '../training/epoch-plan.ts';
import type { TrainingTensors } from '../training/load-state.ts';
import { columnsOf, openLosses } from '../training/losses/losses.ts';
import type { TrainingSource } from '../training/source.ts';
import { EMPTY_PROGRESS, type Progress, type StepReport, Trainer } from '../training/trainer.ts';
import { breatheUntil } from './breathe-until.ts';
import { loadTensors, saveCheckpoint } from './checkpoints.ts';
import { measureChunk } from './chunk-metrics.ts';
import type { JobContext, JobHandler } from './context.ts';
import { EnergyMeter } from './energy-meter.ts';
import { engineLinks } from './engine-links.ts';
import { loadFrozenNets } from './frozen-nets.ts';
import { loadStart } from './initial-weights.ts';
import { openPictures } from './open-pictures.ts';
import { recognizeOutOfMemory } from './out-of-memory.ts';
import { peakRate } from './peak-rate.ts';

/** The trainer of the last chunk, still on the device, as a cache. */
interface Resident {
  readonly key: string;
  readonly checkpoint: Digest;
  readonly trainer: Trainer;
}

/** Pictures of a skipped step that its message names. */
const MOST_NAMED = 3;

export function createTrainChunkJob(): JobHandler<'train-chunk'> {
  let resident: Resident | undefined;
  let toldEnergy = false;
  let open: { readonly key: string; readonly source: TrainingSource } | undefined;

  async function openSource(ctx: JobContext, { dataset }: TrainChunkJob, config: KeyedConfig): Promise<TrainingSource> {
    const options = { dataset, ...readingOf(config) };
    const key = JSON.stringify(options);
    if (open?.key === key) return open.source;
    await open?.source.close();
    open = undefined;
    const source = await openPictures(ctx, options);
    open = { key, source };
    return source;
  }

  async function openTrainer(ctx: JobContext, job: TrainChunkJob, config: KeyedConfig, key: string): Promise<Trainer> {
    const kept = resident;
    resident = undefined;
    if (kept?.key === key && kept.checkpoint === job.parent) return kept.trainer;
    await kept?.trainer.dispose();

    const parent = job.parent && (await readCheckpoint(ctx.blobs, job.parent));
    if (parent && parent.config !== job.config) {
      throw new Unprocessable(`checkpoint ${job.parent} belongs to config ${parent.config}, not to ${job.config}`, {
        expected: 'a parent checkpoint of the same config',
      });
    }
    const source = await openSource(ctx, job, config);
    ctx.progress({ phase: 'compile' });
    const engine = await ctx.engine(job.engine);
    const tensors = parent && (await loadTensors(ctx.blobs, parent));
    const { step, samples, cursor } = parent ?? EMPTY_PROGRESS;
    const { micro_batch: microBatch, gradient_checkpointing: remat } = job.plan;
    const frozen = await loadFrozenNets(ctx.blobs, job.weights ?? {});
    const progress = { step, samples, cursor };
    const start = tensors ? undefined : await loadStart(ctx.blobs, config);
    const options = { remat, frozen, ...(start && { start }) };
    const trainer = new Trainer(engine, config, source, microBatch, progress, tensors, options);
    tellNewOrder(ctx, progress, trainer.progress);
    return trainer;
  }

  async function train(ctx: JobContext, job: TrainChunkJob): Promise<JobResult> {
    const config = await readKeyedConfig(ctx.blobs, job.config);
    const key = canonicalJson([job.config, job.dataset, job.engine, job.plan, job.weights ?? null]);
    const trainer = await openTrainer(ctx, job, config, key);
    const started = performance.now();
    const before = { waitedMs: trainer.waitedMs, work: trainer.work, cpu: process.cpuUsage() };
    const engine = await ctx.engine(job.engine);
    const meter = new EnergyMeter({ readWatts: engine.readWatts });
    if (meter.unreadable !== undefined && !toldEnergy) {
      ctx.progress({ phase: 'train', message: `the energy of the processors is not measured: ${meter.unreadable}` });
      toldEnergy = true;
    }
    const reports: StepReport[] = [];
    try {
      checkRange(job, trainer.progress.step);
      while (trainer.progress.step < job.to) {
        if ((await waitForData(ctx, trainer, reports.length)) === 'stop') break;
        const report = await trainer.step();
        reports.push(report);
        meter.sample();
        reportProgress(ctx, job, report, reports.length, performance.now() - started);
        if ((await ctx.breathe()) === 'stop') break;
      }
      const trainingMs = performance.now() - started;
      const { user, system } = process.cpuUsage(before.cpu);
      const energy = await meter.read();
      ctx.progress({ phase: 'checkpoint' });
      const { progress, fixed } = trainer;
      const read = (group: keyof TrainingTensors) => trainer.read(group);
      const saved = await saveCheckpoint(ctx.blobs, progress, read, job.config, config.seed, fixed);
      const log = await putLog(ctx.blobs, reports);
      const steps = reports.length;
      const samples = steps * config.data.batch_size;
      const waitedMs = trainer.waitedMs - before.waitedMs;
      const cpuMs = (user + system) / 1000;
      const work = { steps, samples, ms: trainingMs, waitedMs, cpuMs, flops: trainer.work - before.work, energy };
      const metrics = await measureChunk(engine, work);
      // Measured once: the metrics have needed it, too.
      const peak = steps === 0 ? undefined : await peakRate(engine).catch(() => undefined);
      resident = { key, checkpoint: saved.ref.digest, trainer };
      return {
        outputs: { checkpoint: saved.ref, log },
        links: [...saved.links, ...Object.values(job.weights ?? {}).flat(), ...engineLinks(job.engine)],
        stats: {
          seconds: trainingMs / 1000,
          waited_for_data_seconds: waitedMs / 1000,
          samples_per_second: (samples * 1000) / trainingMs,
          ...(peak !== undefined && { product_operations_per_second: peak }),
          peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
          metrics,
        },
        to: trainer.progress.step,
      };
    } catch (error) {
      await trainer.dispose();
      throw error;
    }
  }

  return (ctx, job) =>
    train(ctx, job).catch(error => {
      throw recognizeOutOfMemory(error);
    });
}

/**
 * Breathes while the data of the next step is loaded. When the load fails after finished steps, the chunk ends with
 * these steps: the next chunk meets the failure again and throws it.
 */
async function waitForData(ctx: JobContext, trainer: Trainer, finishedSteps: number): Promise<'continue' | 'stop'> {
  const loaded = trainer.ready().then(
    () => 'continue' as const,
    error => {
      if (finishedSteps === 0) throw error;
      return 'stop' as const;
    },
  );
  return breatheUntil(ctx, loaded);
}

/** Tells when a training does not go on at the place of its checkpoint: see {@link EpochPlan.follow}. */
function tellNewOrder(ctx: JobContext, { step, cursor: stored }: Progress, { cursor }: Progress): void {
  if (stored.epoch === cursor.epoch && stored.position === cursor.position) return;
  ctx.progress({
    phase: 'load',
    message:
      `the checkpoint of step ${step} counts pictures in another order, of an earlier version or of other pictures: ` +
      `training goes on with the next pass over the pictures, number ${cursor.epoch + 1}`,
  });
}

/** What a training reads of its pictures: signals of the model, and signals whose columns a loss reads. */
export function readingOf(config: KeyedConfig) {
  const ofLosses = columnsOf(openLosses(config));
  const signals = SIGNAL_NAMES.filter(name => config.model.conditions?.[name] !== undefined || ofLosses.has(name));
  const { horizontal_flip_prob: flips = 0, caption_variants: captions } = config.data;
  return {
    signals,
    ...(config.objective.mask && { readsMasks: true }),
    ...(flips > 0 && { marksSided: true }),
    ...(captions === 'all' && { readsVariants: true }),
  };
}

function checkRange(job: TrainChunkJob, step: number): void {
  if (job.from === step && job.to > step) return;
  throw new Unprocessable(`steps ${job.from} to ${job.to} do not follow step ${step} of the parent`, {
    expected: `from ${step} to a larger step`,
  });
}

function reportProgress(
  ctx: JobContext,
  job: TrainChunkJob,
  report: StepReport,
  steps: number,
  elapsedMs: number,
): void {
  const metrics = {
    loss: report.loss,
    ...Object.fromEntries(Object.entries(report).filter(([name]) => name.startsWith('loss/'))),
    grad_norm: report.grad_norm,
    learning_rate: report.learning_rate,
    ...(report.active_tokens !== undefined && { active_tokens: report.active_tokens }),
    samples: report.samples,
    samples_per_second: ((report.samples / report.step) * steps * 1000) / elapsedMs,
  };
  ctx.progress({
    phase: 'train',
    done: report.step,
    total: job.to,
    unit: 'steps',
    // JSON cannot hold numbers that are not finite.
    metrics: Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value))),
    ...(report.skipped && { message: describeSkip(report) }),
  });
}

function describeSkip({ step, reason, suspects = [] }: StepReport): string {
  const pictures = suspects.length > 0 ? `; pictures: ${listSome(suspects, MOST_NAMED)}` : '';
  return `step ${step} was skipped: ${reason}${pictures}`;
}

/** Writes JSON Lines, one per optimizer step. A number that is not finite is null. */
function putLog(blobs: BlobStore, reports: readonly StepReport[]) {
  const lines = reports.map(report => `${JSON.stringify(report)}\n`).join('');
  return blobs.put(new TextEncoder().encode(lines), 'application/jsonl');
}
