/** @file The updates of a training: their pictures, draws and losses, and the inputs of their micro-batches. */
import { groupSizeOf, type KeyedConfig } from '../../configs/schema.ts';
import { isRouted } from '../../configs/tread.ts';
import { Unprocessable } from '../../errors.ts';
import type { Tensors } from '../compiler/engine.ts';
import { type BatchShape, fedTextTokens, type PictureSize } from '../model/batch.ts';
import { activeTokens, routeShapeOf } from '../model/draw-route.ts';
import { type Augment, openAugment } from './augment.ts';
import { type Batch, BatchStream } from './batch-stream.ts';
import { drawTimes, shiftTimes } from './draws.ts';
import { type Cursor, EpochPlan } from './epoch-plan.ts';
import { FeedBuilder } from './feeds.ts';
import { columnsOf, type LossTerm } from './losses/losses.ts';
import { type DrawnSamples, UpdateLosses } from './losses/update-losses.ts';
import type { SourceSet, TrainingSource } from './source.ts';

/** An update. The pictures of a micro-batch have one size. */
export interface Update extends Batch {
  /** Ordinal of the first sample. */
  readonly first: number;
  readonly drawn: DrawnSamples;
  readonly losses: UpdateLosses;
  /** Samples of each set that count. */
  readonly bySet: SetMetrics;
}

/** An update with the inputs of its first micro-batch. */
export interface PreparedUpdate extends Update {
  readonly feeds: Tensors;
}

export interface UpdateOptions {
  readonly losses: readonly LossTerm[];
  readonly microBatch: number;
  /** Micro-batches whose inputs must not change at the same time. */
  readonly inFlight: number;
}

export class UpdateSource {
  readonly #config: KeyedConfig;
  readonly #losses: readonly LossTerm[];
  readonly #microBatch: number;
  readonly #plan: EpochPlan;
  readonly #batches: BatchStream;
  readonly #augment: Augment;
  /** In turn: the inputs of a run in flight must not change. */
  readonly #feeds: readonly FeedBuilder[];
  #builds = 0;
  readonly #textTokens: number;
  readonly #sets: readonly SourceSet[];
  /** The next update, made while the device worked on the last one; undefined if its data was not there. */
  #ahead: Promise<PreparedUpdate | undefined> = Promise.resolve(undefined);

  constructor(config: KeyedConfig, source: TrainingSource, { losses, microBatch, inFlight }: UpdateOptions) {
    const group = groupSizeOf(config.data);
    if (group % microBatch !== 0) {
      throw new Unprocessable(`micro_batch ${microBatch} does not divide ${group}, the samples that have one size`, {
        expected: 'a micro-batch that divides data.bucket_group, or data.batch_size without it',
      });
    }
    this.#config = config;
    this.#losses = losses;
    this.#microBatch = microBatch;
    this.#plan = new EpochPlan(source.index, config.seed, config.data);
    this.#batches = new BatchStream(this.#plan, source);
    this.#augment = openAugment(config, source.index.encoders);
    this.#feeds = Array.from({ length: inFlight }, () => new FeedBuilder(config));
    this.#sets = source.index.sets ?? [];
    this.#textTokens = fedTextTokens(config.model, source.index.longest.text ?? 0);
  }

  /** Milliseconds that updates have waited for data. */
  get waitedMs(): number {
    return this.#batches.waitedMs;
  }

  /** See {@link EpochPlan.follow}. */
  follow(cursor: Cursor): Cursor {
    return this.#plan.follow(cursor);
  }

  /** See {@link EpochPlan.passes}. */
  passes(cursor: Cursor): number {
    return this.#plan.passes(cursor);
  }

  /** Waits until the data of the next update is there. @throws The failure of the load. */
  async ready(cursor: Cursor): Promise<void> {
    if ((await this.#ahead) === undefined) await this.#batches.ready(cursor);
  }

  /** The update whose first sample has the ordinal `first`. Updates are taken one after the other. */
  async take(first: number, cursor: Cursor): Promise<PreparedUpdate> {
    const prepared = (await this.#ahead) ?? (await this.#prepare(first, cursor));
    this.#ahead = Promise.resolve(undefined);
    return prepared;
  }

  /** Makes the next update if its data is there. A failure is left to the step that takes the update. */
  prepareAhead(first: number, cursor: Cursor): void {
    if (!this.#batches.isLoaded(cursor)) return;
    this.#ahead = this.#prepare(first, cursor).catch(() => undefined);
  }

  /** The inputs of the micro-batch that begins at `items[start]`. */
  build(update: Update, start: number): Tensors {
    const { first, items, losses, drawn } = update;
    const builder = this.#feeds[this.#builds++ % this.#feeds.length];
    const end = start + this.#microBatch;
    const [shares, times] = [drawn.shares.slice(start, end), drawn.times.slice(start, end)];
    const noise = this.#config.data.condition_noise;
    const options = { columns: columnsOf(losses.terms), shares, times, noise };
    const feeds = builder?.build(items.slice(start, end), first + start, this.shapeAt(update, start), options);
    return { ...feeds, ...losses.feeds };
  }

  /** The shape of the micro-batch that begins at `items[start]`. */
  shapeAt({ items, first }: Pick<Update, 'items' | 'first'>, start: number): BatchShape {
    return this.shapeOf(items[start] ?? { height: 0, width: 0 }, first);
  }

  /** The shape of a micro-batch of pictures of that size, in the update whose first sample has the ordinal `first`. */
  shapeOf({ height, width }: PictureSize, first: number): BatchShape {
    const {
      model,
      objective: { tread },
      optimizer,
    } = this.#config;
    const shape = { batch: this.#microBatch, height, width, textTokens: this.#textTokens };
    if (!tread || !isRouted(tread, first, optimizer.total_samples)) return shape;
    return { ...shape, route: routeShapeOf(model, tread, shape) };
  }

  /** All shapes of such micro-batches from the update after `samples` seen to the end of the training. */
  shapesOf(size: PictureSize, samples: number): BatchShape[] {
    const { route, ...shape } = this.shapeOf(size, samples);
    if (route === undefined) return [shape];
    return this.#config.objective.tread?.until === 1 ? [{ ...shape, route }] : [{ ...shape, route }, shape];
  }

  /** Image tokens of a picture that a block computes: the mean over the pictures of the update and the blocks. */
  activeTokens(update: Update): number {
    const tokens = update.items.map((_, place) => activeTokens(this.#config, this.shapeAt(update, place)));
    return tokens.reduce((sum, each) => sum + each, 0) / tokens.length;
  }

  async #prepare(first: number, cursor: Cursor): Promise<PreparedUpdate> {
    const loaded = await this.#batches.take(cursor);
    const batch = { ...loaded, items: loaded.items.map((item, i) => this.#augment(item, first + i)) };
    const drawn = this.#draw(first, batch);
    const bySet = countBySet(this.#sets, batch);
    const update = { ...batch, first, drawn, bySet, losses: new UpdateLosses(this.#losses, first, drawn) };
    return { ...update, feeds: this.build(update, 0) };
  }

  #draw(first: number, { counts, items }: Batch): DrawnSamples {
    const { seed, objective, data } = this.#config;
    const times = drawTimes(seed, first / data.batch_size, data.batch_size, objective);
    const counted = counts.filter(Boolean).length;
    return {
      shares: counts.map(each => (each ? 1 / counted : 0)),
      times: shiftTimes(times, items, objective),
    };
  }
}

/** Samples of an update by set, in a training on several. */
export type SetMetrics = { readonly [set: `samples/${string}`]: number };

function countBySet(sets: readonly SourceSet[], { positions, counts }: Batch): SetMetrics {
  const bySet: Record<`samples/${string}`, number> = {};
  for (const { name } of sets) bySet[`samples/${name}`] = 0;
  for (const [i, position] of positions.entries()) {
    const set = counts[i] ? sets.find(({ end }) => position < end) : undefined;
    if (set) bySet[`samples/${set.name}`] = (bySet[`samples/${set.name}`] ?? 0) + 1;
  }
  return bySet;
}
