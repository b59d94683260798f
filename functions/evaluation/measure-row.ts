/** @file One row of the table of quality: a set of pictures compared with real ones. */
import { clipDistanceSchema } from '../../configs/clip-scores.ts';
import { drawnAttributesSchema } from '../../configs/drawn-attributes.ts';
import { type EvaluationRow, setComparisonSchema, shownSchema } from '../../configs/evaluation.ts';
import type { JointScore } from '../../configs/pose-scores.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import { describeColumns, type ReadyExtractor } from '../experiments/sets/draw-set.ts';
import { clipRow, type InstalledClip, type PictureSet } from './clip-row.ts';
import { type PoseJudge, poseRow, summarizePoses } from './pose-row.ts';
import { type ScoreOptions, scoreRow } from './score-row.ts';
import { type VqaJudge, vqaRow } from './vqa-row.ts';

export interface Yardstick {
  readonly dataset: Digest;
  readonly extractor: ReadyExtractor;
  readonly engine: EngineSpec;
  /** Outputs `index` of `features` of the pages of the dataset. */
  readonly real: readonly Digest[];
  /** Training pictures that count, evenly spread over all. */
  readonly reference: number;
  readonly seed: number;
  /** Of the held-out pictures. */
  readonly split: 'val' | 'test';
  /** The held-out pictures that the rows should show, and the net of LPIPS. */
  readonly fidelity: Pick<ScoreOptions, 'truth' | 'lpips' | 'others'>;
  /** Absent: no CLIP judges. */
  readonly clip: ClipJudge | undefined;
  /** Absent: no model was to be asked. */
  readonly vqa: VqaJudge | undefined;
  /** Absent: no network finds the joints. */
  readonly pose: PoseJudge | undefined;
}

export interface ClipJudge extends InstalledClip {
  readonly extractor: ReadyExtractor;
  /** Outputs `index` of `features` by it, of pages of the dataset. */
  readonly real: readonly Digest[];
}

/** What a row says of itself. */
export type RowTitle = Pick<EvaluationRow, 'row' | 'about'> &
  Partial<Pick<EvaluationRow, 'condition' | 'guidance' | 'weights' | 'checkpoint'>>;

/** @param set The pictures of the row. */
export async function measureRow(
  ctx: EffectContext,
  { dataset, extractor, engine, real, reference, seed, fidelity, clip, vqa, pose }: Yardstick,
  title: RowTitle,
  set: PictureSet,
): Promise<EvaluationRow> {
  const { columns } = set;
  const drawn = await describeColumns(ctx, extractor, columns, engine);
  const body = { dataset, real: [...real], drawn, most: reference, seed };
  const comparison = outputOf((await ctx.call('compare-sets', body)).result, 'comparison');
  const found = await readDocument(ctx.blobs, comparison, setComparisonSchema, 'a comparison of sets');
  const { v: _, kind: __, dataset: ___, distances: ____, links: _____, ...compared } = found;
  const scored = await scoreRow(ctx, set, { ...fidelity, dataset, engine });
  const fit = clip && (await judgeByClip(ctx, set, { clip, dataset, engine, most: reference }));
  const answers = vqa && (await vqaRow(ctx, set, { ...vqa, dataset }));
  const isChanged = title.condition === 'swap' || title.condition?.startsWith('edit');
  const probed = isChanged ? await probeChanged(ctx, dataset, set) : await probeRow(ctx, dataset, columns);
  // Whose pose was given is not the one that the dataset wants.
  if (title.condition === 'other_pose') delete probed.pose;
  // Figures tell their joints by their pixels.
  const posed =
    pose &&
    !probed.pose &&
    title.condition !== 'other_pose' &&
    (await poseRow(ctx, columns, { ...pose, dataset, engine }));
  return { ...title, ...compared, ...scored, ...fit, ...answers, ...probed, ...posed, comparison };
}

/** The fit of captions, and CMMD. */
async function judgeByClip(
  ctx: EffectContext,
  set: PictureSet,
  {
    clip: { extractor, real, ...clip },
    dataset,
    engine,
    most,
  }: Pick<Yardstick, 'dataset' | 'engine'> & { readonly clip: ClipJudge; readonly most: number },
): Promise<Pick<EvaluationRow, 'clip' | 'cmmd'>> {
  const drawn = await describeColumns(ctx, extractor, set.columns, engine);
  const { result } = await ctx.call('clip-distance', { dataset, real: [...real], drawn, most });
  const distance = outputOf(result, 'distance');
  const { cmmd } = await readDocument(ctx.blobs, distance, clipDistanceSchema, 'a distance by CLIP');
  return { cmmd, ...(await clipRow(ctx, set, { clip, dataset, engine })) };
}

/** Attributes of pictures whose caption or look is not that of the dataset: what was to change, what to stay. */
async function probeChanged(
  ctx: EffectContext,
  dataset: Digest,
  { indexes = [] }: PictureSet,
): Promise<Pick<EvaluationRow, 'attributes' | 'edited' | 'other_attributes' | 'pose'>> {
  const found = [];
  for (const drawn of indexes) {
    const { result } = await ctx.call('probe-drawn', { drawn, dataset });
    const attributes = outputOf(result, 'attributes');
    found.push(await readDocument(ctx.blobs, attributes, drawnAttributesSchema, 'attributes of drawn pictures'));
  }
  const sharesOf = (all: readonly Readonly<Record<string, Count>>[]) => {
    const counts = Map.groupBy(all.flatMap(Object.entries<Count>), ([name]) => name);
    return Object.fromEntries([...counts].map(([name, each]) => [name, shareOf(each.map(([, count]) => count))]));
  };
  const own = sharesOf(found.map(each => each.own));
  const others = sharesOf(found.map(({ other = {} }) => other));
  const edits = found.flatMap(({ edited }) => edited ?? []);
  return {
    ...(Object.keys(own).length > 0 && { attributes: own }),
    ...(edits.length > 0 && { edited: shareOf(edits) }),
    ...(Object.keys(others).length > 0 && { other_attributes: others }),
  };
}

interface Count {
  readonly right: number;
  readonly of: number;
}

function shareOf(counts: readonly Count[]) {
  const [right, of] = [
    counts.reduce((sum, each) => sum + each.right, 0),
    counts.reduce((sum, each) => sum + each.of, 0),
  ];
  return { right, of, share: right / of, ...wilson(right, of) };
}

/** Attributes and joints that are read from pixels, of pictures of bundled sets. */
async function probeRow(
  ctx: EffectContext,
  dataset: Digest,
  columns: readonly Digest[],
): Promise<Pick<EvaluationRow, 'attributes' | 'pose'>> {
  const counts = new Map<string, { right: number; of: number }>();
  const figures: JointScore[] = [];
  for (const pictures of columns) {
    const shown = outputOf((await ctx.call('probe-pictures', { dataset, pictures })).result, 'shown');
    const { attributes, joints } = await readDocument(ctx.blobs, shown, shownSchema, 'shown attributes');
    if (Object.keys(attributes).length === 0) return {};
    for (const [name, { right, of }] of Object.entries(attributes)) {
      const count = counts.get(name) ?? { right: 0, of: 0 };
      counts.set(name, { right: count.right + right, of: count.of + of });
    }
    figures.push(...(joints ?? []));
  }
  const shares = [...counts].map(
    ([name, { right, of }]) => [name, { right, of, share: right / of, ...wilson(right, of) }] as const,
  );
  return {
    attributes: Object.fromEntries(shares),
    ...(figures.length > 0 && { pose: await summarizePoses(ctx, figures) }),
  };
}
