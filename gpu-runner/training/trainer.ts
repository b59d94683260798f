/** @file Training: the state on an engine, and one optimizer step after another. */

import { averageRateAt, averagesOf } from '../../configs/averages.ts';
import { checkDivision } from '../../configs/divide-pictures.ts';
import type { GradientCheckpointing } from '../../configs/gradient-checkpointing.ts';
import { learningRateAt } from '../../configs/learning-rate.ts';
import { SKIP_ABOVE } from '../../configs/optimizer.ts';
import { scaledSize, scalesAfter } from '../../configs/resolution.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine, Executable, State, Tensors } from '../compiler/engine.ts';
import { countFlops } from '../compiler/flops.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { RecentPrograms } from '../compiler/recent-programs.ts';
import type { Tensor } from '../compiler/tensor.ts';
import { type BatchShape, distinctSizes, type PictureSize, sizeKey } from '../model/batch.ts';
import { PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import type { Cursor } from './epoch-plan.ts';
import { traceGradGraph } from './grad-graph.ts';
import { type GradientNorms, groupNorms } from './gradient-groups.ts';
import {
  checkFrozenNets,
  type FrozenNets,
  initialTensors,
  loadFrozenNets,
  loadTensors,
  type TrainingTensors,
} from './load-state.ts';
import { needsLossScale } from './loss-scale.ts';
import { type LossMetrics, type LossTerm, openLosses } from './losses/losses.ts';
import { type LossWeights, type TimeBinMetrics, termsAt } from './losses/update-losses.ts';
import { NormHistory, RECENT_NORMS } from './norm-history.ts';
import { RunWindow } from './run-window.ts';
import { adamwScalars } from './schedule.ts';
import { countSizes, type SizeCounts } from './size-counts.ts';
import { skipReason } from './skip-reason.ts';
import { type TrainingSource, trainedSource } from './source.ts';
import { LARGEST_NORM, OPTIMIZER_PREFIX, optimizeUpdate, traceUpdateGraph, updateFeeds } from './update-graph.ts';
import { type SetMetrics, type Update, UpdateSource } from './update-source.ts';

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
export interface StepReport extends LossMetrics, LossWeights, TimeBinMetrics, SetMetrics, GradientNorms, SizeCounts {
  readonly step: number;
  readonly samples: number;
  /** The weighted sum of all losses: its mean over the update's samples, without fillers. */
  readonly loss: number;
  /** Flow matching without its weight; absent when the update did not compute it. */
  readonly flow_loss?: number;
  /** Passes over the pictures after the step. */
  readonly epoch: number;
  /** Global L2 norm before clipping. */
  readonly grad_norm: number;
  readonly learning_rate: number;
  /** Image tokens of a picture that a block computed, on average. Absent without `objective.tread`. */
  readonly active_tokens?: number;
  /** True if the gradient was not finite, or exploded. Then only the position in the data changed. */
  readonly skipped: boolean;
  /** The factor of the gradients in f16. A gradient that is not finite halves it. */
  readonly loss_scale?: number;
  /** The reason of a skip: the losses and the parameters that are not finite or too large. */
  readonly reason?: string;
  /** Ids of pictures of a skipped update, see {@link UpdateLosses.suspects}. */
  readonly suspects?: readonly string[];
}

export const EMPTY_PROGRESS: Progress = { step: 0, samples: 0, cursor: { epoch: 0, position: 0 } };

export interface TrainerOptions {
  /** The losses of the training; absent: those of the config. */
  readonly losses?: readonly LossTerm[];
  /** The frozen nets that the losses of the config need. */
  readonly frozen?: FrozenNets;
  /** Weights of another training, to begin with at step 0. */
  readonly start?: Tensors;
  /** Gradient checkpointing: see {@link traceGradGraph}. */
  readonly remat?: GradientCheckpointing;
}

/** Micro-batches in flight on an engine that queues runs: the device has the next one when it ends one. */
const IN_FLIGHT = 2;

/** Phases of a training whose gradient programs are kept: a phase ends with a route of tokens, or with a loss. */
const KEPT_PHASES = 2;
/** Gradient programs that are kept in any case. */
const LEAST_PROGRAMS = 8;

/** Gradients and frozen nets are in no group. */
const GROUP_PREFIXES = { model: PARAM_PREFIX, optimizer: OPTIMIZER_PREFIX, ema: 'ema' } as const;

interface GradientProgram {
  readonly executable: Executable;
  readonly flops: number;
}

export class Trainer {
  readonly #engine: Engine;
  readonly #config: KeyedConfig;
  readonly #updates: UpdateSource;
  readonly #inFlight: number;
  readonly #microBatch: number;
  readonly #remat: GradientCheckpointing;
  /** Each size of the pictures once. */
  readonly #sizes: readonly PictureSize[];
  readonly #losses: readonly LossTerm[];
  readonly #scalesLoss: boolean;
  readonly #specs: readonly ParamSpec[];
  readonly #fixed: ReadonlySet<string>;
  readonly #state: State;
  readonly #gradients: RecentPrograms<GradientProgram>;
  #update: Promise<Executable> | undefined;
  readonly #norms: NormHistory;
  #work = 0;
  #progress: Progress;

  constructor(
    engine: Engine,
    config: KeyedConfig,
    stored: TrainingSource,
    microBatch: number,
    progress: Progress,
    tensors?: TrainingTensors,
    { remat = false, frozen = {}, losses = openLosses(config), start }: TrainerOptions = {},
  ) {
    this.#engine = engine;
    this.#config = config;
    this.#microBatch = microBatch;
    this.#remat = remat;
    const source = trainedSource(stored, config.data);
    this.#sizes = distinctSizes(source.index.sizes);
    this.#inFlight = engine.tuning?.queuesRuns ? IN_FLIGHT : 1;
    this.#updates = new UpdateSource(config, source, { losses, microBatch, inFlight: this.#inFlight });
    this.#losses = losses;
    this.#scalesLoss = needsLossScale(engine.precision);
    this.#progress = { ...progress, cursor: this.#updates.follow(progress.cursor) };
    const [first] = this.#sizes;
    if (first === undefined) throw new Unprocessable('there is nothing to train on');
    checkDivision(this.#sizes, 'model.patch_size', config.model.patch_size);
    checkFrozenNets(this.#losses, frozen);
    const traced = traceGradGraph(config, this.#updates.shapeOf(first, progress.samples), {
      accumulate: false,
      losses,
    });
    this.#specs = traced.params;
    this.#state = engine.createState({});
    const layout = { specs: this.#specs, fixed: traced.fixed, config, scalesLoss: this.#scalesLoss };
    this.#fixed = new Set(traced.fixed.map(({ name }) => name));
    loadTensors(this.#state, layout, tensors ?? initialTensors(layout, start));
    loadFrozenNets(this.#state, traced.frozen, frozen);
    this.#gradients = new RecentPrograms(Math.max(LEAST_PROGRAMS, KEPT_PHASES * 2 * this.#sizes.length));
    this.#norms = new NormHistory(config.optimizer.skip_above ?? SKIP_ABOVE, tensors?.optimizer[RECENT_NORMS]);
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Milliseconds that all steps so far have waited for data. */
  get waitedMs(): number {
    return this.#updates.waitedMs;
  }

  /** Operations of all forward and backward passes so far, those computed again for memory left out. */
  get work(): number {
    return this.#work;
  }

  /** Waits until the data of the next step is there: the step does not wait. @throws The failure of the load. */
  ready(): Promise<void> {
    return this.#updates.ready(this.#progress.cursor);
  }

  /** Takes one optimizer step: all micro-batches of the update, then the update. */
  async step(): Promise<StepReport> {
    const { batch_size: batchSize } = this.#config.data;
    const queues = this.#inFlight > 1;
    const { samples: first, cursor } = this.#progress;
    const prepared = await this.#updates.take(first, cursor);
    const { next, losses, feeds } = prepared;
    const runs = new RunWindow<Tensors>(this.#inFlight, outputs => losses.add(outputs));
    for (let start = 0; start < batchSize; start += this.#microBatch) {
      const shape = this.#updates.shapeAt(prepared, start);
      const { executable, flops } = await this.#gradient(shape, start > 0, losses.terms);
      await runs.makeRoom();
      this.#work += flops;
      runs.start(executable.run(this.#state, start === 0 ? feeds : this.#updates.build(prepared, start)));
    }
    const step = this.#progress.step + 1;
    const samples = first + batchSize;
    const learningRate = learningRateAt({ first, end: samples }, this.#config.optimizer);
    if (!queues) await runs.drain();
    const update = await this.#startUpdate(step, learningRate);
    if (queues) {
      await runs.makeRoom();
      this.#updates.prepareAhead(samples, next);
      await runs.drain();
    }
    const report = this.#reportUpdate(await update.outputs, prepared);
    this.#progress = { step, samples, cursor: next };
    return {
      step,
      samples,
      loss: losses.mean,
      ...(losses.flow !== undefined && { flow_loss: losses.flow }),
      ...losses.metrics,
      ...losses.weights,
      ...losses.byTime,
      ...prepared.bySet,
      learning_rate: learningRate,
      epoch: this.#updates.passes(next),
      ...(this.#sizes.length > 1 && countSizes(prepared.items, prepared.counts)),
      ...(this.#config.objective.tread && { active_tokens: this.#updates.activeTokens(prepared) }),
      ...report,
    };
  }

  /**
   * Compiles all programs of the training: for each size of its pictures, with and without a route, and the update.
   * @param onProgram Called before each program.
   */
  async compile(onProgram: (done: number, total: number) => Promise<void> = async () => {}): Promise<void> {
    const { model, data, optimizer } = this.#config;
    const scales = scalesAfter(this.#progress.samples, optimizer.total_samples, data);
    const sizes = distinctSizes(this.#sizes.flatMap(size => scales.map(scale => scaledSize(size, scale, model))));
    const terms = termsAt(this.#losses, this.#progress.samples);
    const shapes = sizes.flatMap(size => this.#updates.shapesOf(size, this.#progress.samples));
    const programs: (() => Promise<unknown>)[] = shapes.flatMap(shape =>
      // Later micro-batches add to the gradient of the first one.
      (this.#microBatch < data.batch_size ? [false, true] : [false]).map(
        accumulate => () => this.#gradient(shape, accumulate, terms),
      ),
    );
    programs.push(() => this.#openUpdate());
    for (const [done, compile] of programs.entries()) {
      await onProgram(done, programs.length);
      await compile();
    }
  }

  /** Names of the parameters that keep their values. */
  get fixed(): ReadonlySet<string> {
    return this.#fixed;
  }

  /** Copies of all state tensors. */
  async tensors(): Promise<TrainingTensors> {
    const [model, optimizer, ema] = [await this.read('model'), await this.read('optimizer'), await this.read('ema')];
    return { model, optimizer, ema };
  }

  /** Copies of one group of the state. */
  async read(group: keyof TrainingTensors): Promise<Record<string, Tensor>> {
    const prefix = GROUP_PREFIXES[group];
    const names = this.#state.names.filter(name => name.startsWith(prefix));
    const copies = Object.entries(await this.#state.read(names));
    const tensors = Object.fromEntries(copies.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    return group === 'optimizer' ? { ...tensors, [RECENT_NORMS]: this.#norms.tensor } : tensors;
  }

  async dispose(): Promise<void> {
    this.#state.dispose();
    await this.#gradients.dispose();
    await (await this.#update)?.dispose();
  }

  async #gradient(shape: BatchShape, accumulate: boolean, losses: readonly LossTerm[]): Promise<GradientProgram> {
    const names = losses.map(({ name }) => name).join();
    const key = `${sizeKey(shape)}${accumulate ? '+' : ''} ${shape.route ? 'routed ' : ''}${names}`;
    return this.#gradients.open(key, async () => {
      const scalesLoss = this.#scalesLoss;
      const { fusesAttention = false } = this.#engine.tuning ?? {};
      const options = { accumulate, remat: this.#remat, losses, params: this.#specs, scalesLoss, fusesAttention };
      const { graph } = traceGradGraph(this.#config, shape, options);
      const plain = this.#remat ? traceGradGraph(this.#config, shape, { ...options, remat: false }).graph : graph;
      const executable = await this.#engine.compile(optimize(graph, this.#engine));
      return { executable, flops: countFlops(plain) };
    });
  }

  #openUpdate(): Promise<Executable> {
    this.#update ??= this.#compileUpdate();
    return this.#update;
  }

  #compileUpdate(): Promise<Executable> {
    const graph = traceUpdateGraph(this.#specs, this.#config.optimizer, { scalesLoss: this.#scalesLoss });
    return this.#engine.compile(optimizeUpdate(graph, this.#engine));
  }

  async #startUpdate(step: number, learningRate: number): Promise<{ readonly outputs: Promise<Tensors> }> {
    const { optimizer } = this.#config;
    const executable = await this.#openUpdate();
    const scalars: Record<string, number> = {
      learning_rate: learningRate,
      norm_limit: Math.min(this.#norms.limit, LARGEST_NORM),
      ...adamwScalars(step, learningRate, optimizer),
    };
    for (const [index, average] of averagesOf(optimizer).entries()) {
      scalars[`ema_rate_${index}`] = averageRateAt(step, average);
    }
    const outputs = executable.run(this.#state, updateFeeds(scalars));
    // The caller waits for the micro-batches first. Their failure is the cause of this one.
    outputs.catch(() => {});
    return { outputs };
  }

  #reportUpdate(outputs: Tensors, { losses, items }: Update) {
    const grad_norm = outputs.grad_norm?.data[0] ?? Number.NaN;
    const loss_scale = outputs.loss_scale?.data[0];
    const numbers = { grad_norm, ...(loss_scale !== undefined && { loss_scale }) };
    const { limit, median } = this.#norms;
    this.#norms.add(grad_norm);
    const exploded = grad_norm >= limit && grad_norm < LARGEST_NORM;
    const names = this.#specs.map(({ name }) => name);
    const norms = outputs.grad_norms?.data ?? [];
    const grouped = { ...numbers, ...groupNorms(names, norms) };
    if (outputs.taken?.data[0] === 1) return { ...grouped, skipped: false };
    const gradient = { names, norms, norm: grad_norm, ...(exploded && { median }) };
    const suspects = losses.suspects(items.map(({ id }) => id));
    return { ...grouped, skipped: true, reason: skipReason(losses, gradient, loss_scale), suspects };
  }
}
