/** @file Training: the state on an engine, and one optimizer step after another. */

import { checkDivision } from '../../configs/divide-pictures.ts';
import { groupSizeOf, type KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine, Executable, State, Tensors } from '../compiler/engine.ts';
import { mixPrecision } from '../compiler/passes/mixed-precision.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { tensorOf } from '../compiler/tensor.ts';
import type { BatchShape } from '../model/batch.ts';
import { FROZEN_PREFIX, PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import { type Batch, BatchStream } from './batch-stream.ts';
import { drawTimes } from './draws.ts';
import { type Cursor, EpochPlan } from './epoch-plan.ts';
import { FeedBuilder } from './feeds.ts';
import { GRAD_PREFIX, traceGradGraph } from './grad-graph.ts';
import { checkFrozenNets, type FrozenNets, loadFrozenNets, loadTensors, type TrainingTensors } from './load-state.ts';
import { needsLossScale } from './loss-scale.ts';
import { columnsOf, type LossMetrics, type LossTerm, openLosses } from './losses/losses.ts';
import { type DrawnSamples, type TimeBinMetrics, termsAt, UpdateLosses } from './losses/update-losses.ts';
import { isNewtonSchulz } from './muon.ts';
import { RunWindow } from './run-window.ts';
import { adamwScalars, emaRateAt, learningRateAt } from './schedule.ts';
import { skipReason } from './skip-reason.ts';
import type { PictureSize, SourceIndex, TrainingSource } from './source.ts';
import { OPTIMIZER_PREFIX, traceUpdateGraph } from './update-graph.ts';

/** The position of a run. Position and tensors are all of its state. */
export interface Progress {
  /** Optimizer steps taken. */
  readonly step: number;
  readonly samples: number;
  readonly cursor: Cursor;
}

/**
 * The log of a step: the loss by time, and with several losses the mean of each one that the update computed, without
 * its weight.
 */
export interface StepReport extends LossMetrics, TimeBinMetrics {
  readonly step: number;
  readonly samples: number;
  /** The weighted sum of all losses: its mean over the update's samples, without fillers. */
  readonly loss: number;
  /** Global L2 norm before clipping. */
  readonly grad_norm: number;
  readonly learning_rate: number;
  /** True if the gradient was not finite. Then only the position in the data changed. */
  readonly skipped: boolean;
  /** The factor of the gradients in f16. A skipped step halves it. */
  readonly loss_scale?: number;
  /** The reason of a skip: the losses and the parameters that are not finite. */
  readonly reason?: string;
}

export const EMPTY_PROGRESS: Progress = { step: 0, samples: 0, cursor: { epoch: 0, position: 0 } };

export interface TrainerOptions {
  /** The losses of the training; absent: those of the config. */
  readonly losses?: readonly LossTerm[];
  /** The frozen nets that the losses of the config need. */
  readonly frozen?: FrozenNets;
  /** Gradient checkpointing: see {@link traceGradGraph}. */
  readonly remat?: boolean;
}

/** Micro-batches in flight on an engine that queues runs: the device has the next one when it ends one. */
const IN_FLIGHT = 2;

/** An update whose first inputs are made. The pictures of a micro-batch have one size. */
interface PreparedUpdate extends Batch {
  /** Ordinal of the first sample. */
  readonly first: number;
  readonly drawn: DrawnSamples;
  readonly losses: UpdateLosses;
  readonly feeds: Tensors;
}

export class Trainer {
  readonly #engine: Engine;
  readonly #config: KeyedConfig;
  readonly #batches: BatchStream;
  /** In turn: the inputs of a run in flight must not change. */
  readonly #feeds: readonly FeedBuilder[];
  #builds = 0;
  readonly #microBatch: number;
  readonly #remat: boolean;
  readonly #textTokens: number;
  /** Of all pictures. */
  readonly #sizes: readonly PictureSize[];
  readonly #losses: readonly LossTerm[];
  readonly #scalesLoss: boolean;
  readonly #specs: readonly ParamSpec[];
  readonly #state: State;
  readonly #gradients = new Map<string, Promise<Executable>>();
  #update: Promise<Executable> | undefined;
  /** The next update, made while the device worked on the last one; undefined if its data was not there. */
  #prepared: Promise<PreparedUpdate | undefined> = Promise.resolve(undefined);
  #progress: Progress;

  constructor(
    engine: Engine,
    config: KeyedConfig,
    source: TrainingSource,
    microBatch: number,
    progress: Progress,
    tensors?: TrainingTensors,
    { remat = false, frozen = {}, losses = openLosses(config) }: TrainerOptions = {},
  ) {
    const group = groupSizeOf(config.data);
    if (group % microBatch !== 0) {
      throw new Unprocessable(`micro_batch ${microBatch} does not divide ${group}, the samples that have one size`, {
        expected: 'a micro-batch that divides data.bucket_group, or data.batch_size without it',
      });
    }
    this.#engine = engine;
    this.#config = config;
    this.#microBatch = microBatch;
    this.#remat = remat;
    const { sizes } = source.index;
    this.#sizes = sizes;
    const plan = new EpochPlan(sizes, config.seed, config.data);
    this.#batches = new BatchStream(plan, source);
    const inFlight = engine.tuning?.queuesRuns ? IN_FLIGHT : 1;
    this.#feeds = Array.from({ length: inFlight }, () => new FeedBuilder(config));
    this.#textTokens = graphTextTokens(source.index, config);
    this.#losses = losses;
    this.#scalesLoss = needsLossScale(engine.precision);
    this.#progress = { ...progress, cursor: plan.follow(progress.cursor) };
    const [first] = sizes;
    if (first === undefined) throw new Unprocessable('there is nothing to train on');
    checkDivision(sizes, 'model.patch_size', config.model.patch_size);
    checkFrozenNets(this.#losses, frozen);
    const traced = traceGradGraph(config, this.#shapeOf(first), { accumulate: false, losses });
    this.#specs = traced.params;
    this.#state = engine.createState({});
    loadTensors(this.#state, { specs: this.#specs, config, scalesLoss: this.#scalesLoss }, tensors);
    loadFrozenNets(this.#state, traced.frozen, frozen);
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Milliseconds that all steps so far have waited for data. */
  get waitedMs(): number {
    return this.#batches.waitedMs;
  }

  /** Waits until the data of the next step is there: the step does not wait. @throws The failure of the load. */
  async ready(): Promise<void> {
    if ((await this.#prepared) === undefined) await this.#batches.ready(this.#progress.cursor);
  }

  /** Takes one optimizer step: all micro-batches of the update, then the update. */
  async step(): Promise<StepReport> {
    const { batch_size: batchSize } = this.#config.data;
    const queues = this.#feeds.length > 1;
    const { samples: first, cursor } = this.#progress;
    const prepared = (await this.#prepared) ?? (await this.#prepare(first, cursor));
    this.#prepared = Promise.resolve(undefined);
    const { next, losses, feeds } = prepared;
    const runs = new RunWindow<Tensors>(this.#feeds.length, outputs => losses.add(outputs));
    for (let start = 0; start < batchSize; start += this.#microBatch) {
      const executable = await this.#gradient(this.#shapeAt(prepared, start), start > 0, losses.terms);
      await runs.makeRoom();
      runs.start(executable.run(this.#state, start === 0 ? feeds : this.#build(prepared, start)));
    }
    const step = this.#progress.step + 1;
    const samples = first + batchSize;
    const learningRate = learningRateAt(samples, this.#config.optimizer);
    if (!queues) await runs.drain();
    const update = await this.#startUpdate(step, learningRate);
    if (queues) {
      await runs.makeRoom();
      this.#prepareAhead(samples, next);
      await runs.drain();
    }
    const report = this.#reportUpdate(await update.outputs, losses);
    this.#progress = { step, samples, cursor: next };
    return {
      step,
      samples,
      loss: losses.mean,
      ...losses.metrics,
      ...losses.byTime,
      learning_rate: learningRate,
      ...report,
    };
  }

  /**
   * Compiles all programs of the training: for each size of its pictures, and the update.
   * @param onProgram Called before each program.
   */
  async compile(onProgram: (done: number, total: number) => Promise<void> = async () => {}): Promise<void> {
    const { batch_size: batchSize } = this.#config.data;
    const sizes = new Map(this.#sizes.map(size => [`${size.height}x${size.width}`, size]));
    const terms = termsAt(this.#losses, this.#progress.samples);
    const programs = [...sizes.values()].flatMap(size =>
      // Later micro-batches add to the gradient of the first one.
      (this.#microBatch < batchSize ? [false, true] : [false]).map(
        accumulate => () => this.#gradient(this.#shapeOf(size), accumulate, terms),
      ),
    );
    programs.push(() => this.#openUpdate());
    for (const [done, compile] of programs.entries()) {
      await onProgram(done, programs.length);
      await compile();
    }
  }

  async #prepare(first: number, cursor: Cursor): Promise<PreparedUpdate> {
    const batch = await this.#batches.take(cursor);
    const drawn = this.#draw(first, batch.counts);
    const update = { ...batch, first, drawn, losses: new UpdateLosses(this.#losses, first, drawn) };
    return { ...update, feeds: this.#build(update, 0) };
  }

  #draw(first: number, counts: readonly boolean[]): DrawnSamples {
    const { seed, objective, data } = this.#config;
    const counted = counts.filter(Boolean).length;
    return {
      shares: counts.map(each => (each ? 1 / counted : 0)),
      times: drawTimes(seed, first / data.batch_size, data.batch_size, objective),
    };
  }

  /** A failure is left to the step that needs the update. */
  #prepareAhead(first: number, cursor: Cursor): void {
    if (!this.#batches.isLoaded(cursor)) return;
    this.#prepared = this.#prepare(first, cursor).catch(() => undefined);
  }

  /** The inputs of the micro-batch that begins at `items[start]`. */
  #build(update: Omit<PreparedUpdate, 'feeds'>, start: number): Tensors {
    const { first, items, losses, drawn } = update;
    const builder = this.#feeds[this.#builds++ % this.#feeds.length];
    const end = start + this.#microBatch;
    const shares = drawn.shares.slice(start, end);
    const options = { columns: columnsOf(losses.terms), shares };
    const feeds = builder?.build(items.slice(start, end), first + start, this.#shapeAt(update, start), options);
    return { ...feeds, ...losses.feeds };
  }

  /** Copies of all state tensors. */
  async tensors(): Promise<TrainingTensors> {
    const isKept = (name: string) => !name.startsWith(GRAD_PREFIX) && !name.startsWith(FROZEN_PREFIX);
    const all = await this.#state.read(this.#state.names.filter(isKept));
    const group = (prefix: string, rename = (name: string) => name) =>
      Object.fromEntries(
        Object.entries(all).flatMap(([name, tensor]) =>
          name.startsWith(prefix) ? [[rename(name.slice(prefix.length)), tensor] as const] : [],
        ),
      );
    return { model: group(PARAM_PREFIX), optimizer: group(OPTIMIZER_PREFIX), ema: group('ema') };
  }

  async dispose(): Promise<void> {
    this.#state.dispose();
    const executables = [...this.#gradients.values(), ...(this.#update ? [this.#update] : [])];
    for (const executable of await Promise.all(executables)) await executable.dispose();
  }

  #shapeAt({ items }: Pick<Batch, 'items'>, start: number): BatchShape {
    return this.#shapeOf(items[start] ?? { height: 0, width: 0 });
  }

  #shapeOf({ height, width }: PictureSize): BatchShape {
    return { batch: this.#microBatch, height, width, textTokens: this.#textTokens };
  }

  #gradient(shape: BatchShape, accumulate: boolean, losses: readonly LossTerm[]): Promise<Executable> {
    const names = losses.map(({ name }) => name);
    const key = `${shape.height}x${shape.width}${accumulate ? '+' : ''} ${names.join()}`;
    const known = this.#gradients.get(key);
    if (known) return known;
    const scalesLoss = this.#scalesLoss;
    const { fusesAttention = false } = this.#engine.tuning ?? {};
    const options = {
      accumulate,
      remat: this.#remat,
      losses,
      params: this.#specs,
      scalesLoss,
      fusesAttention,
    };
    const { graph } = traceGradGraph(this.#config, shape, options);
    const compiled = this.#engine.compile(optimize(graph, this.#engine));
    this.#gradients.set(key, compiled);
    return compiled;
  }

  #openUpdate(): Promise<Executable> {
    this.#update ??= this.#compileUpdate();
    return this.#update;
  }

  /** The update in f32; only Newton-Schulz has the engine's precision. */
  #compileUpdate(): Promise<Executable> {
    const { precision, tuning } = this.#engine;
    const traced = traceUpdateGraph(this.#specs, this.#config.optimizer, { scalesLoss: this.#scalesLoss });
    const graph = optimize(traced, { ...(tuning && { tuning }) });
    return this.#engine.compile(mixPrecision(graph, precision, isNewtonSchulz));
  }

  async #startUpdate(step: number, learningRate: number): Promise<{ readonly outputs: Promise<Tensors> }> {
    const { optimizer } = this.#config;
    const executable = await this.#openUpdate();
    const scalars: Record<string, number> = {
      learning_rate: learningRate,
      ...adamwScalars(step, learningRate, optimizer.adamw),
    };
    for (const [index, gamma] of optimizer.ema_gammas.entries()) scalars[`ema_rate_${index}`] = emaRateAt(step, gamma);
    const feeds = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])]));
    const outputs = executable.run(this.#state, feeds);
    // The caller waits for the micro-batches first. Their failure is the cause of this one.
    outputs.catch(() => {});
    return { outputs };
  }

  #reportUpdate(outputs: Tensors, losses: UpdateLosses) {
    const grad_norm = outputs.grad_norm?.data[0] ?? Number.NaN;
    const loss_scale = outputs.loss_scale?.data[0];
    const numbers = { grad_norm, ...(loss_scale !== undefined && { loss_scale }) };
    if (outputs.finite?.data[0] === 1) return { ...numbers, skipped: false };
    const names = this.#specs.map(({ name }) => name);
    return { ...numbers, skipped: true, reason: skipReason(losses, names, outputs.grad_norms?.data ?? [], loss_scale) };
  }
}

/** Text tokens of the compiled graphs: those of the longest caption, rounded up to a multiple of 8. */
function graphTextTokens({ longest }: SourceIndex, config: KeyedConfig): number {
  const limit = config.model.conditions?.text?.tokens ?? 0;
  return Math.min(limit, Math.ceil(Math.max(1, longest.text ?? 1) / 8) * 8);
}
