/** @file Says how many pictures a training with `data.horizontal_flip_prob` does not mirror, and why. */
import { quantity } from '../../configs/quantity.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { findSideWord } from '../../configs/side-words.ts';
import type { Dataset, Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MAX_EXAMPLES } from '../notes/notes.ts';
import { type CaptionedItem, readCaptions } from './read-captions.ts';

/** A note if pictures of the split `train` are never mirrored, although others are. */
export async function noteSided(
  blobs: BlobStore,
  dataset: Dataset,
  { data, model }: Pick<KeyedConfig, 'data' | 'model'>,
): Promise<Note[]> {
  if ((data.horizontal_flip_prob ?? 0) === 0) return [];
  const hasText = model.conditions?.text !== undefined;
  const items = (await readCaptions(blobs, dataset)).filter(({ item }) => item.split === 'train');
  const sided = items.flatMap(captioned => {
    const { item } = captioned;
    const reason = reasonOf(captioned, hasText);
    return reason === undefined ? [] : [{ name: item.name, text: reason }];
  });
  if (sided.length === 0) return [];
  const text = `${quantity(sided.length, 'picture')} of ${items.length} to train on ${sided.length === 1 ? 'is' : 'are'} never mirrored`;
  return [{ code: 'never_mirrored', count: sided.length, text, examples: sided.slice(0, MAX_EXAMPLES) }];
}

function reasonOf({ item: { attributes }, captions }: CaptionedItem, hasText: boolean): string | undefined {
  if (attributes?.flip === false) return 'its attribute flip is false';
  if (!hasText) return undefined;
  if (captions.length === 0) return 'its caption is not known';
  const [word] = captions.flatMap(caption => findSideWord(caption) ?? []);
  return word && `its caption has the word "${word}"`;
}
