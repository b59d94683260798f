/** @file Training: the state on an engine, and one optimizer step after another. */

import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine, Executable, State, Tensors } from '../compiler/engine.ts';
import { mixPrecision } from '../compiler/passes/mixed-precision.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { emptyTensor, type Tensor, tensorOf } from '../compiler/tensor.ts';
import type { BatchShape } from '../model/batch.ts';
import {
  FROZEN_PREFIX,
  type FrozenSpec,
  frozenName,
  initializeParams,
  PARAM_PREFIX,
  type ParamSpec,
} from '../model/params.ts';
import { RandomStream } from '../model/random.ts';
import { BatchStream } from './batch-stream.ts';
import { type Cursor, EpochPlan } from './epoch-plan.ts';
import { FeedBuilder } from './feeds.ts';
import { GRAD_PREFIX, traceGradGraph } from './grad-graph.ts';
import { INITIAL_LOSS_SCALE, needsLossScale } from './loss-scale.ts';
import { columnsOf, type LossMetrics, type LossTerm, openLosses } from './losses/losses.ts';
import { UpdateLosses } from './losses/update-losses.ts';
import { isNewtonSchulz } from './muon.ts';
import { adamwScalars, emaRateAt, learningRateAt } from './schedule.ts';
import { skipReason } from './skip-reason.ts';
import type { PictureSize, SourceIndex, TrainingSource } from './source.ts';
import { emaPrefix, OPTIMIZER_PREFIX, optimizerState, traceUpdateGraph } from './update-graph.ts';

/** The position of a run. Position and tensors are all of its state. */
export interface Progress {
  /** Optimizer steps taken. */
  readonly step: number;
  readonly samples: number;
  readonly cursor: Cursor;
}

/** The log of a step. With several losses it has the mean of each one that the update computed, without its weight. */
export interface StepReport extends LossMetrics {
  readonly step: number;
  readonly samples: number;
  /** The weighted sum of all losses: its mean over the update's samples. */
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

/** State tensors by group, names without prefix. */
export interface TrainingTensors {
  readonly model: Readonly<Record<string, Tensor>>;
  readonly optimizer: Readonly<Record<string, Tensor>>;
  /** One group per average, names `<index>.<parameter>`. */
  readonly ema: Readonly<Record<string, Tensor>>;
}

export const EMPTY_PROGRESS: Progress = { step: 0, samples: 0, cursor: { epoch: 0, position: 0 } };

/** Weights of the nets that losses read, by net and parameter. No step changes them. */
export type FrozenNets = Readonly<Record<string, Tensors>>;

export interface TrainerOptions {
  /** The losses of the training; absent: those of the config. */
  readonly losses?: readonly LossTerm[];
  /** The frozen nets that the losses of the config need. */
  readonly frozen?: FrozenNets;
  /** Gradient checkpointing: see {@link traceGradGraph}. */
  readonly remat?: boolean;
}

export class Trainer {
  readonly #engine: Engine;
  readonly #config: KeyedConfig;
  readonly #batches: BatchStream;
  readonly #feeds: FeedBuilder;
  readonly #microBatch: number;
  readonly #remat: boolean;
  readonly #textTokens: number;
  readonly #losses: readonly LossTerm[];
  readonly #scalesLoss: boolean;
  readonly #specs: readonly ParamSpec[];
  readonly #state: State;
  readonly #gradients = new Map<string, Promise<Executable>>();
  #update: Promise<Executable> | undefined;
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
    const { batch_size: batchSize } = config.data;
    if (batchSize % microBatch !== 0) {
      throw new Unprocessable(`micro_batch ${microBatch} does not divide batch_size ${batchSize}`, {
        expected: 'a micro-batch that divides the update',
      });
    }
    this.#engine = engine;
    this.#config = config;
    this.#microBatch = microBatch;
    this.#remat = remat;
    const { sizes } = source.index;
    this.#batches = new BatchStream(new EpochPlan(sizes, config.seed, batchSize), source);
    this.#feeds = new FeedBuilder(config);
    this.#textTokens = graphTextTokens(source.index, config);
    this.#losses = losses;
    this.#scalesLoss = needsLossScale(engine.precision);
    this.#progress = progress;
    const [first] = sizes;
    if (first === undefined) throw new Unprocessable('there is nothing to train on');
    checkFrozenNets(this.#losses, frozen);
    const traced = traceGradGraph(config, this.#shapeOf(first), { accumulate: false, microBatches: 1, losses });
    this.#specs = traced.params;
    this.#state = engine.createState({});
    this.#load(tensors ?? this.#initialTensors());
    this.#loadFrozen(traced.frozen, frozen);
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Milliseconds that all steps so far have waited for data. */
  get waitedMs(): number {
    return this.#batches.waitedMs;
  }

  /** Waits until the data of the next step is there: the step does not wait. @throws The failure of the load. */
  ready(): Promise<void> {
    return this.#batches.ready(this.#progress.cursor);
  }

  /** Takes one optimizer step: all micro-batches of the update, then the update. */
  async step(): Promise<StepReport> {
    const { batch_size: batchSize } = this.#config.data;
    const { items: group, next } = await this.#batches.take(this.#progress.cursor);
    const first = this.#progress.samples;
    const losses = new UpdateLosses(this.#losses, first, batchSize);
    const columns = columnsOf(losses.terms);
    for (let start = 0; start < batchSize; start += this.#microBatch) {
      const samples = group.slice(start, start + this.#microBatch);
      const head = samples[0];
      if (head === undefined) break;
      const shape = this.#shapeOf(head);
      const executable = await this.#gradient(shape, start > 0, losses.terms);
      const feeds = { ...this.#feeds.build(samples, first + start, shape, columns), ...losses.feeds };
      losses.add(await executable.run(this.#state, feeds));
    }
    const step = this.#progress.step + 1;
    const samples = first + batchSize;
    const learningRate = learningRateAt(samples, this.#config.optimizer);
    const report = await this.#applyUpdate(step, learningRate, losses);
    this.#progress = { step, samples, cursor: next };
    return { step, samples, loss: losses.mean, ...losses.metrics, learning_rate: learningRate, ...report };
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

  #shapeOf({ height, width }: PictureSize): BatchShape {
    return { batch: this.#microBatch, height, width, textTokens: this.#textTokens };
  }

  #gradient(shape: BatchShape, accumulate: boolean, losses: readonly LossTerm[]): Promise<Executable> {
    const names = losses.map(({ name }) => name);
    const key = `${shape.height}x${shape.width}${accumulate ? '+' : ''} ${names.join()}`;
    const known = this.#gradients.get(key);
    if (known) return known;
    const microBatches = this.#config.data.batch_size / this.#microBatch;
    const scalesLoss = this.#scalesLoss;
    const { fusesAttention = false } = this.#engine.tuning ?? {};
    const options = {
      accumulate,
      microBatches,
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

  /** The update in f32; only Newton-Schulz has the engine's precision. */
  #compileUpdate(): Promise<Executable> {
    const { precision, tuning } = this.#engine;
    const traced = traceUpdateGraph(this.#specs, this.#config.optimizer, { scalesLoss: this.#scalesLoss });
    const graph = optimize(traced, { ...(tuning && { tuning }) });
    return this.#engine.compile(mixPrecision(graph, precision, isNewtonSchulz));
  }

  async #applyUpdate(step: number, learningRate: number, losses: UpdateLosses) {
    const { optimizer } = this.#config;
    this.#update ??= this.#compileUpdate();
    const executable = await this.#update;
    const scalars: Record<string, number> = {
      learning_rate: learningRate,
      ...adamwScalars(step, learningRate, optimizer.adamw),
    };
    for (const [index, gamma] of optimizer.ema_gammas.entries()) scalars[`ema_rate_${index}`] = emaRateAt(step, gamma);
    const feeds = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])]));
    const outputs = await executable.run(this.#state, feeds);
    const grad_norm = outputs.grad_norm?.data[0] ?? Number.NaN;
    const loss_scale = outputs.loss_scale?.data[0];
    const numbers = { grad_norm, ...(loss_scale !== undefined && { loss_scale }) };
    if (outputs.finite?.data[0] === 1) return { ...numbers, skipped: false };
    const names = this.#specs.map(({ name }) => name);
    return { ...numbers, skipped: true, reason: skipReason(losses, names, outputs.grad_norms?.data ?? [], loss_scale) };
  }

  #initialTensors(): TrainingTensors {
    const { seed, optimizer } = this.#config;
    const model = initializeParams(this.#specs, (index, target) =>
      new RandomStream(seed, 'init', index).fillNormal(target),
    );
    const moments = [...optimizerState(this.#specs, optimizer)].map(([name, shape]) => [
      name.slice(OPTIMIZER_PREFIX.length),
      emptyTensor({ shape, dtype: 'f32' }),
    ]);
    const ema = optimizer.ema_gammas.flatMap((_, i) =>
      Object.entries(model).map(([name, tensor]) => [`${i}.${name}`, tensor]),
    );
    return { model, optimizer: Object.fromEntries(moments), ema: Object.fromEntries(ema) };
  }

  #load({ model, optimizer, ema }: TrainingTensors): void {
    for (const spec of this.#specs) this.#set(PARAM_PREFIX, spec.name, model[spec.name], spec.shape);
    for (const [name, shape] of optimizerState(this.#specs, this.#config.optimizer)) {
      this.#set(
        OPTIMIZER_PREFIX,
        name.slice(OPTIMIZER_PREFIX.length),
        optimizer[name.slice(OPTIMIZER_PREFIX.length)],
        shape,
      );
    }
    if (this.#scalesLoss) {
      for (const [name, initial] of Object.entries(INITIAL_LOSS_SCALE)) {
        this.#state.set({ [name]: optimizer[name.slice(OPTIMIZER_PREFIX.length)] ?? initial });
      }
    }
    for (const index of this.#config.optimizer.ema_gammas.keys()) {
      for (const spec of this.#specs) this.#set(emaPrefix(index), spec.name, ema[`${index}.${spec.name}`], spec.shape);
    }
  }

  #loadFrozen(specs: readonly FrozenSpec[], nets: FrozenNets): void {
    for (const spec of specs) {
      const tensor = nets[spec.net]?.[spec.name];
      if (tensor?.shape.join() !== spec.shape.join()) {
        const found = tensor ? `"${spec.name}" of shape [${tensor.shape.join(', ')}]` : `no tensor "${spec.name}"`;
        throw new Unprocessable(`the frozen net "${spec.net}" has ${found}`, {
          expected: `"${spec.name}" of shape [${spec.shape.join(', ')}]`,
        });
      }
      if (tensor) this.#state.set({ [frozenName(spec)]: tensor });
    }
  }

  #set(prefix: string, name: string, tensor: Tensor | undefined, shape: readonly number[]): void {
    if (tensor === undefined || tensor.shape.join() !== shape.join()) {
      const found = tensor ? `has ${prefix}${name} of shape [${tensor.shape.join(', ')}]` : `lacks ${prefix}${name}`;
      throw new Unprocessable(`the checkpoint ${found}`, {
        expected: `a tensor of shape [${shape.join(', ')}]`,
        hint: 'go on from a checkpoint of the same config',
      });
    }
    this.#state.set({ [`${prefix}${name}`]: tensor });
  }
}

/** @throws Unprocessable when a loss needs a net without weights. */
function checkFrozenNets(losses: readonly LossTerm[], nets: FrozenNets): void {
  for (const { name, needs } of losses) {
    const missing = needs?.frozen?.find(net => !Object.hasOwn(nets, net));
    if (missing === undefined) continue;
    throw new Unprocessable(`the loss ${name} needs the frozen net "${missing}", and there are no weights of it`, {
      expected: `its weights under objective.frozen.${missing}: digests of safetensors blobs`,
    });
  }
}

/** Text tokens of the compiled graphs: those of the longest caption, rounded up to a multiple of 8. */
function graphTextTokens({ longest }: SourceIndex, config: KeyedConfig): number {
  const limit = config.model.conditions?.text?.tokens ?? 0;
  return Math.min(limit, Math.ceil(Math.max(1, longest.text ?? 1) / 8) * 8);
}
