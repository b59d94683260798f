/** @file Sets of pictures by pure calls: drawn ones, and the features of any. */
import type { WeightChoice } from '../../../configs/averages.ts';
import { BORROWED, type ConditionName, missingSignals } from '../../../configs/drawn-conditions.ts';
import type { ProgressEvent } from '../../../configs/progress.ts';
import type { Config } from '../../../configs/schema.ts';
import { type SignalName, signalsOf } from '../../../configs/signals.ts';
import { Unprocessable } from '../../../errors.ts';
import { readCheckpoint } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import { mapBounded } from '../../../storage/map-bounded.ts';
import { createRefs } from '../../../storage/names/refs.ts';
import { PAGE_SIZE, type Split } from '../../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../../storage/types.ts';
import type { CallAnswer, CallOptions } from '../../define.ts';
import type { Weights } from '../../encoders/encoder.ts';
import { findWeights } from '../../encoders/installed-weights.ts';
import { allowedPrecision } from '../../encoders/precision.ts';
import { outputOf } from '../../execution/output-of.ts';
import { readDrawnIndex } from '../drawn-index.ts';
import type { KeptOf } from '../find-kept.ts';
import { tracesFor } from '../sample-weights.ts';
import type { Extractor } from './extractors.ts';

/** Of an effect, or of a border step. */
export interface SetContext {
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal | undefined;
  call(name: string, body: Json, options?: CallOptions): Promise<CallAnswer>;
  progress(event: ProgressEvent): void;
}

/** How pictures are drawn. */
export interface DrawSettings {
  readonly config: Config;
  readonly seed: number;
  /** Instead of those of the experiment's previews. */
  readonly steps?: number | undefined;
  readonly guidance?: number | undefined;
  /** Instead of those of the previews. `initial`: those of the network before its first step. */
  readonly weights?: WeightChoice | 'initial' | undefined;
}

export interface DrawPlan extends DrawSettings {
  readonly kept: Pick<KeptOf, 'head' | 'checkpoint'>;
  readonly dataset: Digest;
  readonly split: Split;
  /** Pictures of the split. */
  readonly pictures: number;
  readonly condition: ConditionName;
  /** More than there are pictures: they are drawn again, from other noise. */
  readonly samples: number;
}

export interface DrawnSet {
  /** Columns of pictures. */
  readonly columns: readonly Digest[];
  /** Outputs `index` of `draw`, in the order of the columns. */
  readonly indexes: readonly Digest[];
  readonly samples: number;
}

/** The settings of the experiment's previews, with those that a call asks for. */
export function samplingFor({ config, seed, steps, guidance, ...asked }: DrawSettings): Readonly<Record<string, Json>> {
  const { prompts: _, weights: previewed = 'ema', ...settings } = config.run.preview;
  const weights = asked.weights ?? previewed;
  const sampling = {
    ...settings,
    ...(steps !== undefined && { steps }),
    ...(guidance !== undefined && { guidance }),
    ...{ seed, weights },
  };
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined)) as Record<
    string,
    Json
  >;
}

/**
 * Draws by the settings of the experiment's previews, again from other noise where the split has too few pictures.
 * @throws Unprocessable if nothing could be drawn.
 */
export async function drawSet(ctx: SetContext, plan: DrawPlan): Promise<DrawnSet> {
  const { kept, config, dataset, split, pictures, condition, samples } = plan;
  const sampling = samplingFor(plan);
  const { weights = config.run.preview.weights } = plan;
  const traces = weights === 'initial' ? undefined : tracesFor(kept.head, weights);
  // Equal for all checkpoints of a training, so that they are drawn once.
  const isInitial = weights === 'initial';
  const network = isInitial
    ? { config: (await readCheckpoint(ctx.blobs, kept.checkpoint)).config }
    : { checkpoint: kept.checkpoint };
  const columns: Digest[] = [];
  const indexes: Digest[] = [];
  let [done, before] = [0, 0];
  for (let round = 0, first = 0; done < samples; ) {
    const count = takeCount(Math.min(pictures - first, samples - done), condition);
    const body = {
      ...{ ...network, dataset, split, first, count, condition, ...sampling },
      ...(traces && { traces }),
      ...{ seed: plan.seed + round, engine: kept.head.engine },
    } satisfies Json;
    const { result } = await ctx.call('draw', body, { onEvent: () => {} });
    const index = outputOf(result, 'index');
    const { items } = await readDrawnIndex(ctx.blobs, index);
    if (items.length > 0) {
      columns.push(outputOf(result, 'pictures'));
      indexes.push(index);
    }
    done += items.length;
    first += count;
    if (first >= pictures) {
      if (columns.length === 0) {
        throw new Unprocessable(`no picture of the split ${split} can be drawn under the condition ${condition}`, {
          expected: 'another condition, or pictures that have the signals of it',
        });
      }
      // What is left may be too few for the condition, in every round.
      if (done === before) break;
      [round, first, before] = [round + 1, 0, done];
    }
    ctx.progress({ phase: `draw ${condition}`, done: Math.min(done, samples), total: samples, unit: 'pictures' });
  }
  return { columns, indexes, samples: done };
}

/** Undefined if no picture of the split has the signals of the condition. */
export async function drawIfAny(ctx: SetContext, plan: DrawPlan): Promise<DrawnSet | undefined> {
  try {
    return await drawSet(ctx, plan);
  } catch (error) {
    if (error instanceof Unprocessable) return undefined;
    throw error;
  }
}

/** Pictures of the next call. Signals of another picture come from the same call: none is left alone. */
function takeCount(left: number, condition: ConditionName): number {
  return left === PAGE_SIZE + 1 && BORROWED[condition] ? PAGE_SIZE - 1 : Math.min(PAGE_SIZE, left);
}

/** The condition under which a model says most: caption and pose, or the caption, or whatever it has. */
export function usualCondition(config: Config): ConditionName {
  const has: readonly SignalName[] = signalsOf(config.model.conditions);
  const order: readonly ConditionName[] = ['pose_text', 'text', 'full'];
  return order.find(condition => missingSignals(condition, has) === undefined) ?? 'unconditional';
}

/** Names of the models that the store has. */
export async function listInstalled({ store }: { readonly store: ObjectStore }): Promise<ReadonlySet<string>> {
  return new Set(await createRefs(store).models.list());
}

export interface ReadyExtractor extends Extractor {
  /** Absent: it needs none. */
  readonly weights?: Weights;
}

/** @throws Unprocessable if the weights of the extractor are not installed. */
export async function withWeights(store: ObjectStore, extractor: Extractor): Promise<ReadyExtractor> {
  if (extractor.encoder?.weights === undefined) return extractor;
  return { ...extractor, weights: await findWeights(store, extractor.encoder) };
}

/** Columns that are described at once. */
const WIDTH = 2;

/** Output `index` of `features` of each column. */
export async function describeColumns(
  ctx: SetContext,
  { name, encoder, weights }: ReadyExtractor,
  columns: readonly Digest[],
  engine: KeptOf['head']['engine'],
): Promise<Digest[]> {
  const settings: Readonly<Record<string, Json>> = {
    extractor: name,
    ...(weights && { weights }),
    ...(encoder?.runs === 'runner' && { engine: allowedPrecision(encoder, engine) }),
  };
  let done = 0;
  return mapBounded(columns, { width: WIDTH, signal: ctx.signal }, async pictures => {
    const { result } = await ctx.call('features', { pictures, ...settings }, { onEvent: () => {} });
    done++;
    ctx.progress({ phase: `features ${name}`, done, total: columns.length, unit: 'columns' });
    return outputOf(result, 'index');
  });
}
