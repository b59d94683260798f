/** @file A number that a document of a checkpoint tells of its quality. */
import type { Json } from '../../storage/canonical.ts';

/** A number of one run at one border. */
export interface Measured {
  readonly value: number;
  /** Of each picture, by its id: the value is their mean. */
  readonly byPicture?: ReadonlyMap<string, number>;
}

/** The same number of what no model drew. */
export interface ControlRow {
  readonly name: string;
  readonly value: number;
}

/** A number of one checkpoint. */
export interface Scored {
  /** `reconstruction/lpips`, `quality/text/kid`. */
  readonly key: string;
  readonly label: string;
  readonly better?: 'lower' | 'higher';
  readonly measured: Measured;
  /** What it depends on beside the checkpoint. */
  readonly meaning: Json;
  readonly controls: readonly ControlRow[];
}

/**
 * The mean of numbers of pictures. Undefined without numbers, or with a number that is not finite.
 * @param values In the order of `ids`; null: the picture has no number.
 */
export function meanOfPictures(
  ids: readonly string[],
  values: readonly (number | null)[] | undefined,
): Measured | undefined {
  if (values === undefined || values.length !== ids.length) return undefined;
  const byPicture = new Map(ids.flatMap((id, i) => (values[i] == null ? [] : [[id, values[i]] as const])));
  const told = [...byPicture.values()];
  if (told.length === 0 || !told.every(Number.isFinite)) return undefined;
  return { value: told.reduce((sum, value) => sum + value, 0) / told.length, byPicture };
}
