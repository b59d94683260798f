/** @file Scores of a column of pictures against another: of pixels, of features, and LPIPS where it is installed. */
import { type PictureScores, pictureScoresSchema } from '../../../configs/picture-scores.ts';
import { Unprocessable } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { Weights } from '../../encoders/encoder.ts';
import { outputOf } from '../../execution/output-of.ts';
import { clsExtractor } from './choose-extractor.ts';
import type { SuiteContext, SuiteExtractor, SuiteRequest } from './suite-request.ts';

export interface ColumnScores extends Omit<PictureScores, 'v' | 'kind' | 'links'> {
  readonly document: Digest;
  /** Measures that could not be made, and why. */
  readonly without?: { readonly lpips: string };
}

/** @param cls Whether what the network is given as cls is compared, too. */
export async function scoreColumn(
  ctx: SuiteContext,
  request: SuiteRequest,
  { pictures, against, cls = false }: { pictures: Digest; against: Digest; cls?: boolean | undefined },
): Promise<ColumnScores> {
  const describe = async (extractor: SuiteExtractor, measure: string) => {
    const of = async (column: Digest) => {
      const { name, weights, engine } = extractor;
      const body = { pictures: column, extractor: name, ...(weights && { weights: toJson(weights) }) };
      return outputOf((await ctx.call('features', { ...body, ...(engine && { engine }) })).result, 'index');
    };
    return { measure, pictures: await of(pictures), against: await of(against) };
  };
  const seen = cls ? clsExtractor(request.config, request.engine) : undefined;
  const features = [
    await describe(request.extractor, 'feature_distance'),
    ...(seen ? [await describe(seen, 'cls_distance')] : []),
  ];
  const measured = request.lpips && (await measureLpips(ctx, request, request.lpips, pictures, against));
  const lpips = measured && 'distances' in measured ? measured.distances : undefined;
  const body = { pictures, against, features, ...(lpips && { lpips }) };
  const document = outputOf((await ctx.call('score-pictures', body)).result, 'scores');
  const {
    v: _,
    kind: __,
    links: ___,
    ...scores
  } = await readDocument(ctx.blobs, document, pictureScoresSchema, 'scores of pictures');
  const without = measured && 'why' in measured ? { lpips: measured.why } : undefined;
  return { ...scores, ...(without && { without }), document };
}

async function measureLpips(
  ctx: SuiteContext,
  { engine }: SuiteRequest,
  { net, weights }: NonNullable<SuiteRequest['lpips']>,
  a: Digest,
  b: Digest,
): Promise<{ readonly distances: Digest } | { readonly why: string }> {
  try {
    const answer = await ctx.call('distance', { net, weights: toJson(weights), a, b, engine });
    return { distances: outputOf(answer.result, 'distances') };
  } catch (error) {
    // Such as pictures too small for the net: the other measures are made without it.
    if (error instanceof Unprocessable) return { why: error.message };
    throw error;
  }
}

function toJson(weights: Weights): Record<string, string[]> {
  return Object.fromEntries(Object.entries(weights).map(([part, digests]) => [part, [...digests]]));
}
