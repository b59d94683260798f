/** @file How often a pass over the data takes each picture. */
import type { DataConfig } from '../../configs/schema.ts';
import { sizeKey } from '../model/batch.ts';
import type { SourceIndex } from './source.ts';

/** Pictures that are taken equally often: those of one set and size. */
export interface PictureClass {
  readonly positions: readonly number[];
  /** How often a pass takes each of them on average. */
  readonly times: number;
}

/** The classes of all pictures; undefined if every pass takes every picture once. */
export function classifyPictures(
  { sizes, sets }: Pick<SourceIndex, 'sizes' | 'sets'>,
  { bucket_sampling: sampling }: Pick<DataConfig, 'bucket_sampling'>,
): readonly PictureClass[] | undefined {
  const isUniform = sampling === 'uniform';
  if (!isUniform && (sets ?? []).every(({ times }) => times === 1)) return undefined;
  const setOf = (position: number) => sets?.findIndex(({ end }) => position < end) ?? -1;
  const timesOf = (position: number) => sets?.[setOf(position)]?.times ?? 1;
  const keys = sizes.map(sizeKey);
  const all = sizes.map((_, position) => position);
  const bySize = Map.groupBy(all, position => keys[position]);
  const total = all.reduce((sum, position) => sum + timesOf(position), 0);
  return [...bySize.values()].flatMap(positions => {
    const own = positions.reduce((sum, position) => sum + timesOf(position), 0);
    const factor = isUniform ? total / (bySize.size * own) : 1;
    return [...Map.groupBy(positions, setOf).values()].map(ofSet => ({
      positions: ofSet,
      times: timesOf(ofSet[0] ?? 0) * factor,
    }));
  });
}
