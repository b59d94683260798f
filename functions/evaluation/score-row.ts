/** @file How near the pictures of a row are to the held-out pictures of the same conditions, pair by pair. */
import type { EvaluationRow } from '../../configs/evaluation.ts';
import { pictureScoresSchema } from '../../configs/picture-scores.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { bootstrapMean, type Interval } from '../../metrics/bootstrap.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import { readStoredIndex } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import { type InstalledLpips, lpipsDistances } from '../experiments/sets/lpips-distances.ts';
import type { PictureSet } from './clip-row.ts';

export interface ScoreOptions {
  readonly dataset: Digest;
  /** Columns of the held-out pictures, in the order of those of the row. */
  readonly truth: readonly Digest[];
  readonly lpips: InstalledLpips | undefined;
  /** Further nets. */
  readonly others: readonly InstalledLpips[];
  readonly engine: EngineSpec;
}

const MEASURES = ['psnr', 'ssim', 'ms_ssim', 'lpips'] as const;

/** Means over all pictures that both have; nothing without such pictures. */
export async function scoreRow(
  ctx: EffectContext,
  { columns, indexes }: PictureSet,
  { dataset, truth, lpips, others, engine }: ScoreOptions,
): Promise<Pick<EvaluationRow, 'fidelity' | 'lpips_nets'>> {
  const values: SummarizeTask = {};
  const byNet: Record<string, number[]> = {};
  const compare = (net: InstalledLpips, a: Digest, b: Digest) => lpipsDistances(ctx, net, { a, b, engine });
  for (const [i, pictures] of columns.entries()) {
    const against = await findTruth(ctx, { pictures, drawn: indexes?.[i], dataset, usual: truth[i] });
    if (against === undefined) continue;
    for (const other of others) {
      const { data } = decodeNpy(await ctx.blobs.get(await compare(other, pictures, against)));
      byNet[other.net] = [...(byNet[other.net] ?? []), ...Array.from(data, Number)];
    }
    const body = { pictures, against, ...(lpips && { lpips: await compare(lpips, pictures, against) }) };
    const scores = outputOf((await ctx.call('score-pictures', body)).result, 'scores');
    const found = await readDocument(ctx.blobs, scores, pictureScoresSchema, 'scores of pictures');
    for (const measure of MEASURES) {
      const told = (found.values[measure] ?? []).flatMap(value => value ?? []);
      values[measure] = [...(values[measure] ?? []), ...told];
    }
  }
  const count = values.psnr?.length ?? 0;
  if (count === 0) return {};
  const complete = Object.fromEntries(Object.entries(values).filter(([, each]) => each.length === count));
  return {
    fidelity: await ctx.task<NonNullable<EvaluationRow['fidelity']>>('summarize-scores', complete),
    ...(others.length > 0 && {
      lpips_nets: await ctx.task<NonNullable<EvaluationRow['lpips_nets']>>('summarize-scores', byNet),
    }),
  };
}

/** The real pictures of a column. A condition that says nothing about some pictures draws others, or these again. */
async function findTruth(
  ctx: EffectContext,
  {
    pictures,
    drawn,
    dataset,
    usual,
  }: {
    readonly pictures: Digest;
    /** Absent: the pictures are a control row. */
    readonly drawn: Digest | undefined;
    readonly dataset: Digest;
    readonly usual: Digest | undefined;
  },
): Promise<Digest | undefined> {
  if (usual !== undefined && (await haveSameIds(ctx, pictures, usual))) return usual;
  if (drawn === undefined) return undefined;
  return outputOf((await ctx.call('counterpart-pictures', { drawn, dataset, of: 'own' })).result, 'pictures');
}

async function haveSameIds({ blobs }: EffectContext, a: Digest, b: Digest): Promise<boolean> {
  const [one, other] = await Promise.all([readStoredIndex(blobs, a), readStoredIndex(blobs, b)]);
  return one.size === other.size && [...one.keys()].every(name => other.has(name));
}

type SummarizeTask<Measure extends string = (typeof MEASURES)[number]> = Partial<Record<Measure, readonly number[]>>;

/** Task of the worker pool: the mean of each measure, with an interval of 95 %. */
export function summarizeScores(values: SummarizeTask<string>): Record<string, Interval> {
  return Object.fromEntries(Object.entries(values).map(([measure, each]) => [measure, bootstrapMean(each ?? [])]));
}
