/** @file Task of the worker pool: scores of pairs of pictures that need no network. */
import type { PictureScores, ScoreSummary, ScoreValues } from '../../configs/picture-scores.ts';
import { InvalidInput } from '../../errors.ts';
import { summarize } from '../../metrics/bootstrap.ts';
import { msSsim, type Picture, psnr, ssim } from '../../metrics/picture-distance.ts';
import { toInterleaved } from '../pictures/planar.ts';
import { readPictures } from './describe-pictures.ts';

export interface ScorePairsTask {
  /** Columns of pictures. */
  readonly pictures: Uint8Array;
  readonly against: Uint8Array;
  /** Scores of networks and probes, by measure and id. A picture may lack some. */
  readonly given: Readonly<Partial<Record<keyof ScoreValues, Readonly<Record<string, number>>>>>;
}

export type ScoredPairs = Pick<PictureScores, 'ids' | 'values' | 'summaries' | 'ms_ssim_scales'>;

/** Pictures that only one of the columns has take no part. @throws InvalidInput if none is left, or sizes differ. */
export function scorePairs({ pictures, against, given }: ScorePairsTask): ScoredPairs {
  const others = new Map(readPictures(against).map(({ id, picture }) => [id, picture]));
  const ids: string[] = [];
  const found: Record<string, number | undefined>[] = [];
  const scales = new Set<number>();
  for (const { id, picture } of readPictures(pictures)) {
    const other = others.get(id);
    if (other === undefined) continue;
    if (other.width !== picture.width || other.height !== picture.height) {
      throw new InvalidInput(`the picture ${id} has ${sizeOf(picture)} pixels, and the other ${sizeOf(other)}`);
    }
    const [a, b] = [toInterleaved(picture), toInterleaved(other)];
    const multi = msSsim(a, b);
    scales.add(multi.scales);
    const scores = { psnr: psnr(a, b), ssim: ssim(a, b), ms_ssim: multi.value, color_distance: colorDistance(a, b) };
    found.push({ ...scores, ...Object.fromEntries(Object.entries(given).map(([name, byId]) => [name, byId[id]])) });
    ids.push(id);
  }
  if (ids.length === 0) throw new InvalidInput('the two columns have no picture in common');
  const values: Record<string, (number | null)[]> = {};
  const summaries: Record<string, ScoreSummary> = {};
  for (const measure of Object.keys(found[0] ?? {})) {
    const scores = found.flatMap(each => each[measure] ?? []);
    if (scores.length === 0) continue;
    values[measure] = found.map(each => each[measure] ?? null);
    summaries[measure] = summarize(scores);
  }
  const [only, ...several] = scales;
  return {
    ...{ ids, values, summaries },
    ...(only !== undefined && several.length === 0 && { ms_ssim_scales: only }),
  };
}

function sizeOf({ width, height }: { readonly width: number; readonly height: number }): string {
  return `${width} x ${height}`;
}

/** Wasserstein distance of the levels of each colour, in the mean: where they lie takes no part. */
function colorDistance(a: Picture, b: Picture): number {
  let sum = 0;
  for (let color = 0; color < 3; color++) {
    const [x, y] = [a, b].map(picture => cumulated(picture, color));
    for (let level = 0; level < 256; level++) sum += Math.abs((x?.[level] ?? 0) - (y?.[level] ?? 0));
  }
  // Whole numbers until here: equal on every machine.
  return sum / (3 * a.width * a.height);
}

/** Number of the pixels up to each level. */
function cumulated({ data }: Picture, color: number): Float64Array {
  const counts = new Float64Array(256);
  for (let i = color; i < data.length; i += 3) counts[data[i] ?? 0]! += 1;
  let below = 0;
  return counts.map(count => {
    below += count;
    return below;
  });
}
