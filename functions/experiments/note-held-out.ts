/** @file Says that a training has no held-out pictures, although it would draw or measure them. */
import type { RunConfig } from '../../configs/schema.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import type { Dataset, Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** A note if no picture of the dataset is in the split `val`, and the training uses that split. */
export async function noteHeldOut(
  blobs: BlobStore,
  dataset: Dataset,
  { held_out_pictures: drawn = 0, validation }: Pick<RunConfig, 'held_out_pictures' | 'validation'>,
): Promise<Note[]> {
  if (drawn === 0 && validation === undefined) return [];
  const items = await readAllItems(blobs, dataset);
  if (items.some(({ split }) => split === 'val')) return [];
  const text = [
    'no picture of the dataset is in the split val',
    ...(drawn > 0 ? ['run.held_out_pictures draws none'] : []),
    ...(validation ? ['run.validation measures trained pictures alone, and there is no best checkpoint'] : []),
  ].join('; ');
  return [{ code: 'no_held_out', count: 1, text, examples: [] }];
}
