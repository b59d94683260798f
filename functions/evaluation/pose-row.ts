/** @file How well the persons of a row have the poses that the dataset wants. */
import type { EvaluationRow, PoseScore } from '../../configs/evaluation.ts';
import { type JointScore, type PersonScore, poseScoresSchema } from '../../configs/pose-scores.ts';
import { oksPrecision } from '../../metrics/poses.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { type Dataset, type EngineSpec, PAGE_SIZE } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { dwposeEncoder } from '../encoders/dwpose.ts';
import { completeWeights, installHint } from '../encoders/weights.ts';
import { outputOf } from '../execution/output-of.ts';
import { offeredConditions } from '../experiments/dataset-signals.ts';

/** The network that finds joints, as `score-poses` takes it. */
export interface InstalledPose {
  readonly weights: Record<string, Digest[]>;
  readonly joint_score?: number;
  readonly person_score?: number;
}

/** What looks for joints, and in how many pictures. */
export interface PoseJudge {
  readonly net: InstalledPose;
  /** Pictures of a row that are looked at, the first ones. */
  readonly most: number;
}

/**
 * The network by which the poses of the dataset were found, so that its real pictures show the ceiling; otherwise the
 * installed one, or why none judges.
 * @param most `pose_samples` of the call.
 */
export async function findPoseJudge(
  { store }: Pick<EffectContext, 'store'>,
  dataset: Dataset,
  most: number,
): Promise<PoseJudge | string> {
  if (most === 0) return 'pose_samples is 0';
  const { pose } = offeredConditions(dataset);
  if (pose === undefined) return 'the dataset has no poses';
  const { name } = dwposeEncoder;
  const own = pose.encoder === name ? pose : undefined;
  const model = await createRefs(store).models.read(name);
  const weights = completeWeights(dwposeEncoder, own?.weights ?? model?.value.weights);
  if (weights === undefined) return `the weights of ${name} are not installed; ${installHint(name)}`;
  const { joint_score, person_score } = own ?? {};
  const net = {
    weights,
    ...(joint_score !== undefined && { joint_score }),
    ...(person_score !== undefined && { person_score }),
  };
  return { net, most };
}

export interface PoseRowOptions extends PoseJudge {
  readonly dataset: Digest;
  readonly engine: EngineSpec;
}

/** Nothing without pictures that have poses. */
export async function poseRow(
  ctx: EffectContext,
  columns: readonly Digest[],
  { net, dataset, engine, most }: PoseRowOptions,
): Promise<Pick<EvaluationRow, 'pose'>> {
  const persons: PersonScore[] = [];
  for (const pictures of columns) {
    const left = most - persons.length;
    if (left <= 0) break;
    const body = { ...net, dataset, pictures, most: Math.min(PAGE_SIZE, left), engine: { ...engine } };
    const { result } = await ctx.call('score-poses', body, { onEvent: () => {} });
    const found = await readDocument(ctx.blobs, outputOf(result, 'scores'), poseScoresSchema, 'scores of poses');
    persons.push(...found.items);
    ctx.progress({ phase: 'poses', done: persons.length, total: most, unit: 'pictures' });
  }
  if (persons.length === 0) return {};
  return { pose: { ...(await summarizePoses(ctx, persons)), ...summarizeParts(persons) } };
}

/** @param persons At least one. */
export async function summarizePoses(ctx: EffectContext, persons: readonly JointScore[]): Promise<PoseScore> {
  const similarities = persons.map(({ oks }) => oks);
  const joints = sum(persons, each => each.joints);
  const found = sum(persons, each => each.found);
  // A box without size has an error without a measure.
  const error = (key: 'mpjpe' | 'pa_mpjpe') => {
    const told = persons.filter(each => each[key] !== null);
    const weight = sum(told, each => each.found);
    return weight > 0 ? { [key]: sum(told, each => (each[key] ?? 0) * each.found) / weight } : {};
  };
  const precision = oksPrecision(similarities);
  return {
    pictures: persons.length,
    pck_10: sum(persons, each => each.right_10) / joints,
    pck_05: sum(persons, each => each.right_05) / joints,
    found: found / joints,
    detected: sum(persons, each => Math.min(1, each.found)) / persons.length,
    ...(await ctx.task<Pick<PoseScore, 'oks'>>('summarize-scores', { oks: similarities })),
    ...(precision !== undefined && { oks_precision: precision }),
    ...error('mpjpe'),
    ...error('pa_mpjpe'),
  };
}

function summarizeParts(persons: readonly PersonScore[]): Pick<PoseScore, 'parts' | 'face_error'> {
  const counts = Map.groupBy(
    persons.flatMap(({ parts }) => Object.entries(parts)),
    ([group]) => group,
  );
  const parts = [...counts].map(([group, of]) => {
    const each = of.map(([, count]) => count);
    const joints = sum(each, count => count.joints);
    const share = (key: 'right_10' | 'right_05') => sum(each, count => count[key]) / joints;
    return [group, { joints, pck_10: share('right_10'), pck_05: share('right_05') }] as const;
  });
  const faces = persons.flatMap(({ face_error }) => face_error ?? []);
  return {
    parts: Object.fromEntries(parts),
    ...(faces.length > 0 && { face_error: sum(faces, error => error) / faces.length }),
  };
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}
