/** @file How well the pictures of a row fit their captions, by a model that answers yes or no. */
import type { z } from 'zod';
import type { EvaluationRow } from '../../configs/evaluation.ts';
import { type AskedModel, completeAsked, type vqaSchema } from '../../configs/vqa-options.ts';
import { listClear, type VqaAnswers, type VqaScores, vqaScoresSchema } from '../../configs/vqa-scores.ts';
import type { Interval } from '../../metrics/bootstrap.ts';
import { putDocument, readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { PAGE_SIZE } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import type { PictureSet } from './clip-row.ts';

/** The model that is asked, and about how many pictures. */
export interface VqaJudge {
  readonly asked: AskedModel;
  /** Pictures of a row that it is asked about, the first ones. */
  readonly most: number;
}

/** @throws InvalidInput if nothing names a model. */
export function findVqaJudge(
  { describer }: Pick<EffectContext, 'describer'>,
  wanted: z.output<typeof vqaSchema> | undefined,
): VqaJudge | undefined {
  if (wanted === undefined) return undefined;
  const { samples: most, ...asked } = wanted;
  return { asked: completeAsked(asked, describer.models), most };
}

/** Nothing without pictures whose two questions were answered by yes or no. */
export async function vqaRow(
  ctx: EffectContext,
  { columns, indexes }: PictureSet,
  { asked, most, dataset }: VqaJudge & { readonly dataset: Digest },
): Promise<Pick<EvaluationRow, 'vqa'>> {
  const found: VqaScores[] = [];
  let pictures = 0;
  for (const [i, column] of columns.entries()) {
    const left = most - pictures;
    if (left <= 0) break;
    const drawn = indexes?.[i];
    const body = {
      ...asked,
      ...(drawn ? { drawn } : { pictures: column, dataset }),
      most: Math.min(PAGE_SIZE, left),
    };
    const { result } = await ctx.call('vqa-score', body, { onEvent: () => {} });
    const scores = await readDocument(ctx.blobs, outputOf(result, 'scores'), vqaScoresSchema, 'answers about pictures');
    found.push(scores);
    pictures += scores.items.length;
    ctx.progress({ phase: `answers of ${asked.model}`, done: pictures, total: most, unit: 'pictures' });
  }
  const items = found.flatMap(listClear);
  if (items.length === 0) return {};
  const summaries = await ctx.task<Record<'right' | 'distractor' | 'difference', Interval>>('summarize-scores', {
    right: items.map(each => each.right),
    distractor: items.map(each => each.distractor),
    difference: items.map(each => each.right - each.distractor),
  });
  const answers: VqaAnswers = { v: 1, kind: 'vqa-answers', model: asked.model, items, links: [] };
  const sum = (pick: (answers: VqaScores['answers']) => number) =>
    found.reduce((total, scores) => total + pick(scores.answers), 0);
  const digests = new Set(found.flatMap(scores => scores.model_digests));
  return {
    vqa: {
      pictures: items.length,
      ...summaries,
      by: {
        probability: sum(each => each.probability),
        text: sum(each => each.text),
        unclear: sum(each => each.unclear),
      },
      ...(digests.size > 0 && { model_digests: [...digests].sort() }),
      answers: (await putDocument(ctx.blobs, answers)).digest,
    },
  };
}
