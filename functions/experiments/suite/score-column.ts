/**
 * @file Scores of a column of pictures against another: of pixels, of features, LPIPS where it is installed, and joints
 * of figures.
 */
import { type PictureScores, pictureScoresSchema } from '../../../configs/picture-scores.ts';
import { signalsOf } from '../../../configs/signals.ts';
import type { SuiteScore } from '../../../configs/validation-suite.ts';
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
  readonly without?: SuiteScore['without'];
}

interface ScoredColumns {
  readonly pictures: Digest;
  readonly against: Digest;
  /** Whether what the network is given as cls is compared, too. */
  readonly cls?: boolean | undefined;
  /** Whether joints are read from the pictures. */
  readonly joints?: boolean | undefined;
}

/** Whether the model was trained with poses. */
export function givesPose({ config }: SuiteRequest): boolean {
  return signalsOf(config.model.conditions).includes('pose');
}

export async function scoreColumn(
  ctx: SuiteContext,
  request: SuiteRequest,
  { pictures, against, cls = false, joints = false }: ScoredColumns,
): Promise<ColumnScores> {
  const describe = async (extractor: SuiteExtractor, measure: string) => ({
    measure,
    pictures: await describeColumn(ctx, extractor, pictures),
    against: await describeColumn(ctx, extractor, against),
  });
  const seen = cls ? clsExtractor(request.config, request.engine) : undefined;
  const features = [
    await describe(request.extractor, 'feature_distance'),
    ...(seen ? [await describe(seen, 'cls_distance')] : []),
  ];
  const measured = request.lpips && (await measureLpips(ctx, request, request.lpips, pictures, against));
  const lpips = measured && 'distances' in measured ? measured.distances : undefined;
  const shown = joints ? await readJoints(ctx, request, pictures) : undefined;
  const body = { pictures, against, features, ...(lpips && { lpips }), ...(shown && { shown }) };
  const document = outputOf((await ctx.call('score-pictures', body)).result, 'scores');
  const {
    v: _,
    kind: __,
    links: ___,
    ...scores
  } = await readDocument(ctx.blobs, document, pictureScoresSchema, 'scores of pictures');
  const without = {
    ...(measured && 'why' in measured && { lpips: measured.why }),
    ...(joints && scores.values.pck === undefined && { pck: NO_JOINTS }),
  };
  return { ...scores, ...(Object.keys(without).length > 0 && { without }), document };
}

/** Output `index` of `features`. */
export async function describeColumn(ctx: SuiteContext, extractor: SuiteExtractor, column: Digest): Promise<Digest> {
  const { name, weights, engine } = extractor;
  const body = { pictures: column, extractor: name, ...(weights && { weights: toJson(weights) }) };
  return outputOf((await ctx.call('features', { ...body, ...(engine && { engine }) })).result, 'index');
}

const NO_JOINTS = 'joints are read from the pixels of bundled figures alone';

/** Output `shown` of `probe-pictures`. */
async function readJoints(ctx: SuiteContext, { dataset }: SuiteRequest, pictures: Digest): Promise<Digest> {
  return outputOf((await ctx.call('probe-pictures', { dataset, pictures })).result, 'shown');
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
