/** @file One row of the table of quality: a set of pictures compared with real ones. */
import { type EvaluationRow, setComparisonSchema, shownSchema } from '../../configs/evaluation.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import { describeColumns } from './draw-set.ts';
import type { Extractor } from './extractors.ts';
import { type ScoreOptions, scoreRow } from './score-row.ts';

export interface Yardstick {
  readonly dataset: Digest;
  readonly extractor: Extractor;
  readonly engine: EngineSpec;
  /** Outputs `index` of `features` of the pages of the dataset. */
  readonly real: readonly Digest[];
  /** Training pictures that count, evenly spread over all. */
  readonly reference: number;
  readonly seed: number;
  /** The held-out pictures that the rows should show, and the net of LPIPS. */
  readonly fidelity: Pick<ScoreOptions, 'truth' | 'lpips'>;
}

/** What a row says of itself. */
export type RowTitle = Pick<EvaluationRow, 'row' | 'about'> & Partial<Pick<EvaluationRow, 'condition' | 'checkpoint'>>;

/** @param columns Of the pictures of the row. */
export async function measureRow(
  ctx: EffectContext,
  { dataset, extractor, engine, real, reference, seed, fidelity }: Yardstick,
  title: RowTitle,
  columns: readonly Digest[],
): Promise<EvaluationRow> {
  const drawn = await describeColumns(ctx, extractor, columns, engine);
  const body = { dataset, real: [...real], drawn, most: reference, seed };
  const comparison = outputOf((await ctx.call('compare-sets', body)).result, 'comparison');
  const found = await readDocument(ctx.blobs, comparison, setComparisonSchema, 'a comparison of sets');
  const { v: _, kind: __, dataset: ___, distances: ____, links: _____, ...compared } = found;
  const scored = await scoreRow(ctx, columns, { ...fidelity, engine });
  return { ...title, ...compared, ...scored, ...(await probeRow(ctx, dataset, columns)), comparison };
}

/** Attributes and joints that are read from pixels, of pictures of bundled sets. */
async function probeRow(
  ctx: EffectContext,
  dataset: Digest,
  columns: readonly Digest[],
): Promise<Pick<EvaluationRow, 'attributes' | 'pose'>> {
  const counts = new Map<string, { right: number; of: number }>();
  const total = { pictures: 0, joints: 0, right_10: 0, right_05: 0, found: 0 };
  for (const pictures of columns) {
    const shown = outputOf((await ctx.call('probe-pictures', { dataset, pictures })).result, 'shown');
    const { attributes, joints } = await readDocument(ctx.blobs, shown, shownSchema, 'shown attributes');
    if (Object.keys(attributes).length === 0) return {};
    for (const [name, { right, of }] of Object.entries(attributes)) {
      const count = counts.get(name) ?? { right: 0, of: 0 };
      counts.set(name, { right: count.right + right, of: count.of + of });
    }
    if (joints === undefined) continue;
    for (const key of ['pictures', 'joints', 'right_10', 'right_05', 'found'] as const) total[key] += joints[key];
  }
  const shares = [...counts].map(
    ([name, { right, of }]) => [name, { right, of, share: right / of, ...wilson(right, of) }] as const,
  );
  const { joints } = total;
  return {
    attributes: Object.fromEntries(shares),
    ...(joints > 0 && {
      pose: {
        pictures: total.pictures,
        pck_10: total.right_10 / joints,
        pck_05: total.right_05 / joints,
        found: total.found / joints,
      },
    }),
  };
}
