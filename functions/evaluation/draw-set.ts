/** @file Sets of pictures by pure calls: drawn ones, and the features of any. */
import type { ConditionName } from '../../configs/drawn-conditions.ts';
import type { Config } from '../../configs/schema.ts';
import { type SignalName, signalsOf } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { PAGE_SIZE, type Split } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { findWeights } from '../encoders/installed-weights.ts';
import { allowedPrecision } from '../encoders/precision.ts';
import { outputOf } from '../execution/output-of.ts';
import { readDrawnIndex } from '../experiments/drawn-index.ts';
import type { KeptOf } from '../experiments/find-kept.ts';
import { tracesFor } from '../experiments/sample-weights.ts';
import { missingSignals } from './conditions.ts';
import type { Extractor } from './extractors.ts';

/** How pictures are drawn. */
export interface DrawSettings {
  readonly config: Config;
  readonly seed: number;
  /** Instead of those of the experiment's previews. */
  readonly steps?: number | undefined;
  readonly guidance?: number | undefined;
  /** Those of the network before its first step, instead of those of the previews. */
  readonly weights?: 'initial' | undefined;
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

/** Draws by the settings of the experiment's previews. @throws Unprocessable if nothing could be drawn. */
export async function drawSet(ctx: EffectContext, plan: DrawPlan): Promise<DrawnSet> {
  const { kept, config, dataset, split, pictures, condition, samples } = plan;
  const sampling = samplingFor(plan);
  const traces = plan.weights === undefined ? tracesFor(kept.head, config.run.preview.weights) : undefined;
  const columns: Digest[] = [];
  const indexes: Digest[] = [];
  let done = 0;
  for (let round = 0, first = 0; done < samples; ) {
    const count = Math.min(PAGE_SIZE, pictures - first, samples - done);
    const body = {
      ...{ checkpoint: kept.checkpoint, dataset, split, first, count, condition, ...sampling },
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
      [round, first] = [round + 1, 0];
    }
    ctx.progress({ phase: `draw ${condition}`, done: Math.min(done, samples), total: samples, unit: 'pictures' });
  }
  return { columns, indexes, samples: done };
}

/** The condition under which a model says most: caption and pose, or the caption, or whatever it has. */
export function usualCondition(config: Config): ConditionName {
  const has: readonly SignalName[] = signalsOf(config.model.conditions);
  const order: readonly ConditionName[] = ['pose_text', 'text', 'full'];
  return order.find(condition => missingSignals(condition, has) === undefined) ?? 'unconditional';
}

/** Names of the models that the store has. */
export async function listInstalled(ctx: EffectContext): Promise<ReadonlySet<string>> {
  return new Set(await createRefs(ctx.store).models.list());
}

/** Columns that are described at once. */
const WIDTH = 2;

/**
 * Output `index` of `features` of each column.
 * @throws Unprocessable if the weights of the extractor are not installed.
 */
export async function describeColumns(
  ctx: EffectContext,
  { name, encoder }: Extractor,
  columns: readonly Digest[],
  engine: KeptOf['head']['engine'],
): Promise<Digest[]> {
  const weights = encoder ? await findWeights(ctx.store, encoder) : {};
  const settings: Readonly<Record<string, Json>> = {
    extractor: name,
    ...(Object.keys(weights).length > 0 && { weights }),
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
