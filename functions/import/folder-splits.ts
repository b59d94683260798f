/**
 * @file Splits that the folders of a source say, as Hugging Face's image folders have them: `train/`, `validation/`,
 * `test/`. They count if every picture lies in such a folder, and train has another beside it: a folder may be called
 * "train" because of what its pictures show.
 */
import type { Split } from '../../storage/records.ts';

const WORDS: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  dev: 'val',
  test: 'test',
  testing: 'test',
  eval: 'test',
  evaluation: 'test',
};
/** Depths at which the folders may lie: `train/a.png`, `data/train/a.png`. */
const DEPTHS = [0, 1];

/** By name of a picture; undefined if the folders say nothing about splits. */
export function splitsOfFolders(names: readonly string[]): ReadonlyMap<string, Split> | undefined {
  for (const depth of DEPTHS) {
    const above = new Set(names.map(name => name.split('/').slice(0, depth).join('/')));
    const found = names.flatMap(name => {
      const folders = name.split('/').slice(0, -1);
      const split = WORDS[folders[depth]?.toLowerCase() ?? ''];
      return split === undefined ? [] : [[name, split] as const];
    });
    const splits = new Map(found);
    const kinds = new Set(splits.values());
    if (above.size <= 1 && splits.size === names.length && kinds.has('train') && kinds.size > 1) return splits;
  }
  return undefined;
}
