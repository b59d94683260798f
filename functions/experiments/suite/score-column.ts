/**
 * @file Scores of a column of pictures against another: of pixels, of features, LPIPS where it is installed, joints,
 * by CLIP the fit of captions, and the answers of a model to questions about them.
 */
import { type MeasureName, type PictureScores, pictureScoresSchema } from '../../../configs/picture-scores.ts';
import { signalsOf } from '../../../configs/signals.ts';
import type { SuiteScore } from '../../../configs/validation-suite.ts';
import { Unprocessable } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import { copyWeights } from '../../encoders/weights.ts';
import { outputOf } from '../../execution/output-of.ts';
import { lpipsDistances } from '../sets/lpips-distances.ts';
import { clsExtractor } from './choose-extractor.ts';
import { findJoints } from './find-joints.ts';
import type { SuiteContext, SuiteExtractor, SuiteRequest } from './suite-request.ts';

export interface ColumnScores extends Omit<PictureScores, 'v' | 'kind' | 'links'> {
  readonly document: Digest;
  /** Measures that could not be made, and why. */
  readonly without?: SuiteScore['without'];
  readonly joints_by?: string;
}

interface ScoredColumns {
  readonly pictures: Digest;
  readonly against: Digest;
  /** Whether what the network is given as cls is compared, too. */
  readonly cls?: boolean | undefined;
  /** Whether joints are looked for in the pictures. */
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
  const vqa = captions && (await askAbout(ctx, request, pictures, captions));
  const found = joints && (await findJoints(ctx, request, pictures).catch(leaveOut('pck')));
  const { by, why, ...joined } = found || {};
  if (why) without.pck = why;
  const body = {
    pictures,
    against,
    features,
    ...(lpips && { lpips }),
    ...(clip && { clip }),
    ...(vqa && { vqa }),
    ...joined,
  };
  const document = outputOf((await ctx.call('score-pictures', body)).result, 'scores');
  const {
    v: _,
    kind: __,
    links: ___,
    ...scores
  } = await readDocument(ctx.blobs, document, pictureScoresSchema, 'scores of pictures');
  const told = { ...(Object.keys(without).length > 0 && { without }), ...(by && { joints_by: by }) };
  return { ...scores, ...told, document };
}

/** Output `index` of `features`. */
export async function describeColumn(ctx: SuiteContext, extractor: SuiteExtractor, column: Digest): Promise<Digest> {
  const { name, weights, engine } = extractor;
  const body = { pictures: column, extractor: name, ...(weights && { weights: copyWeights(weights) }) };
  return outputOf((await ctx.call('features', { ...body, ...(engine && { engine }) })).result, 'index');
}

/** Output `distances` of `distance`, where a net is installed. */
async function measureLpips(
  ctx: SuiteContext,
  { engine, lpips }: SuiteRequest,
  a: Digest,
  b: Digest,
): Promise<Digest | undefined> {
  if (lpips === undefined) return undefined;
  return lpipsDistances(ctx, lpips, { a, b, engine });
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
  const scored = captioned(dataset, pictures, captions);
  const { result } = await ctx.call('clip-score', { ...scored, model, weights: copyWeights(weights), engine });
  return outputOf(result, 'scores');
}

/** Output `scores` of `vqa-score`, where a model is asked. */
async function askAbout(
  ctx: SuiteContext,
  { dataset, vqa }: SuiteRequest,
  pictures: Digest,
  captions: NonNullable<ScoredColumns['captions']>,
): Promise<Digest | undefined> {
  if (vqa === undefined) return undefined;
  const { result } = await ctx.call('vqa-score', { ...captioned(dataset, pictures, captions), ...vqa });
  return outputOf(result, 'scores');
}

/** The pictures with their captions, as functions take them that score both. */
function captioned(
  dataset: Digest,
  pictures: Digest,
  captions: NonNullable<ScoredColumns['captions']>,
): Readonly<Record<string, Json>> {
  return captions === 'of the dataset' ? { pictures, dataset } : { drawn: captions };
}
