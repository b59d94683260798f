/** @file How well the pictures of a row fit their captions, by CLIP. */
import { CLIP_NETS, type ClipNet } from '../../configs/clip.ts';
import { type ClipFits, clipScoresSchema } from '../../configs/clip-scores.ts';
import type { EvaluationRow } from '../../configs/evaluation.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Interval } from '../../metrics/bootstrap.ts';
import { putDocument, readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { clipTextEncoder } from '../encoders/clip.ts';
import { completeWeights, installHint } from '../encoders/weights.ts';
import { outputOf } from '../execution/output-of.ts';
import { findSeen } from '../experiments/sets/extractors.ts';

export interface InstalledClip {
  readonly model: ClipNet['name'];
  readonly weights: Record<string, Digest[]>;
}

/**
 * The first CLIP that is installed with its tokenizer, or why none judges.
 * @param configs Of all trainings whose pictures are judged: none may have seen a CLIP.
 */
export async function findClip(
  { store }: Pick<EffectContext, 'store'>,
  configs: readonly Pick<KeyedConfig, 'model' | 'objective'>[],
): Promise<InstalledClip | string> {
  const [net] = CLIP_NETS;
  if (net === undefined) return 'there is no CLIP';
  const seen = configs.map(config => findSeen(config, net.name)).find(each => each !== undefined);
  if (seen) return `a training saw ${seen.name}, as ${seen.as}: CLIP cannot judge its pictures`;
  const { models } = createRefs(store);
  for (const each of CLIP_NETS) {
    const found = await models.read(each.name);
    const weights = completeWeights(clipTextEncoder(each), found?.value.weights);
    if (weights) return { model: each.name, weights };
  }
  return `the weights of no CLIP are installed; ${installHint(net.name)}`;
}

/** The pictures of a row. */
export interface PictureSet {
  readonly columns: readonly Digest[];
  /** Of drawn pictures: outputs `index` of `draw`, in the order of the columns. */
  readonly indexes?: readonly Digest[];
}

/** Nothing without pictures that have captions. */
export async function clipRow(
  ctx: EffectContext,
  { columns, indexes }: PictureSet,
  { clip, dataset, engine }: { readonly clip: InstalledClip; readonly dataset: Digest; readonly engine: EngineSpec },
): Promise<Pick<EvaluationRow, 'clip'>> {
  const items: { id: string; score: number; rank: number; of: number }[] = [];
  for (const [i, pictures] of columns.entries()) {
    const drawn = indexes?.[i];
    const body = { ...clip, ...(drawn ? { drawn } : { pictures, dataset }), engine: { ...engine } };
    const { result } = await ctx.call('clip-score', body, { onEvent: () => {} });
    const scores = outputOf(result, 'scores');
    items.push(...(await readDocument(ctx.blobs, scores, clipScoresSchema, 'scores of CLIP')).items);
    ctx.progress({ phase: `scores of ${clip.model}`, done: i + 1, total: columns.length, unit: 'columns' });
  }
  if (items.length === 0) return {};
  const mean = (pick: (item: (typeof items)[number]) => number) =>
    items.reduce((sum, item) => sum + pick(item), 0) / items.length;
  const { score } = await ctx.task<{ score: Interval }>('summarize-scores', { score: items.map(each => each.score) });
  const fits: ClipFits = {
    ...{ v: 1, kind: 'clip-fits', model: clip.model },
    items: items.map(({ id, score: fit, rank }) => ({ id, score: fit, rank })),
    links: [],
  };
  return {
    clip: {
      score,
      rank: mean(({ rank }) => rank),
      first: mean(({ rank }) => Number(rank === 1)),
      of: Math.max(...items.map(({ of }) => of)),
      fits: (await putDocument(ctx.blobs, fits)).digest,
    },
  };
}
