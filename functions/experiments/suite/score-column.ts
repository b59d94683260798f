/**
 * @file Scores of a column of pictures against another: of pixels, of features, LPIPS where it is installed, joints of
 * figures, and by CLIP the fit of captions.
 */
import { type MeasureName, type PictureScores, pictureScoresSchema } from '../../../configs/picture-scores.ts';
import { signalsOf } from '../../../configs/signals.ts';
import type { SuiteScore } from '../../../configs/validation-suite.ts';
import { Unprocessable } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
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
  /** With which captions CLIP compares the pictures: those of an output `index` of `draw`, or of the dataset. */
  readonly captions?: Digest | 'of the dataset' | undefined;
}

/** Whether the model was trained with poses. */
export function givesPose({ config }: SuiteRequest): boolean {
  return signalsOf(config.model.conditions).includes('pose');
}

export async function scoreColumn(
  ctx: SuiteContext,
  request: SuiteRequest,
  { pictures, against, cls = false, joints = false, captions }: ScoredColumns,
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
  const without: Partial<Record<MeasureName, string>> = {};
  // Such as pictures too small for a net: the other measures are made without it.
  const leaveOut = (measure: MeasureName) => (error: unknown) => {
    if (!(error instanceof Unprocessable)) throw error;
    without[measure] = error.message;
  };
  const lpips = await measureLpips(ctx, request, pictures, against).catch(leaveOut('lpips'));
  const clip = captions && (await scoreFits(ctx, request, pictures, captions).catch(leaveOut('clip_score')));
  const shown = joints ? await readJoints(ctx, request, pictures) : undefined;
  const judged = { ...(lpips && { lpips }), ...(clip && { clip }), ...(shown && { shown }) };
  const body = { pictures, against, features, ...judged };
  const document = outputOf((await ctx.call('score-pictures', body)).result, 'scores');
  const {
    v: _,
    kind: __,
    links: ___,
    ...scores
  } = await readDocument(ctx.blobs, document, pictureScoresSchema, 'scores of pictures');
  if (joints && scores.values.pck === undefined) without.pck = NO_JOINTS;
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

/** Output `distances` of `distance`, where a net is installed. */
async function measureLpips(
  ctx: SuiteContext,
  { engine, lpips }: SuiteRequest,
  a: Digest,
  b: Digest,
): Promise<Digest | undefined> {
  if (lpips === undefined) return undefined;
  const { net, weights } = lpips;
  const { result } = await ctx.call('distance', { net, weights: toJson(weights), a, b, engine });
  return outputOf(result, 'distances');
}

/** Output `scores` of `clip-score`, where a CLIP judges. */
async function scoreFits(
  ctx: SuiteContext,
  { dataset, engine, clip }: SuiteRequest,
  pictures: Digest,
  captions: NonNullable<ScoredColumns['captions']>,
): Promise<Digest | undefined> {
  if (clip === undefined) return undefined;
  const { model, weights } = clip;
  const scored: Readonly<Record<string, Json>> =
    captions === 'of the dataset' ? { pictures, dataset } : { drawn: captions };
  const { result } = await ctx.call('clip-score', { ...scored, model, weights: toJson(weights), engine });
  return outputOf(result, 'scores');
}

function toJson(weights: Weights): Record<string, string[]> {
  return Object.fromEntries(Object.entries(weights).map(([part, digests]) => [part, [...digests]]));
}
