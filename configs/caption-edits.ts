/** @file Edits of captions: one phrase is replaced by another, and everything else is said as before. */
import { z } from 'zod';

const MOST_EDITS = 100;
const phrase = z.string().trim().min(1).max(200);

const captionEditSchema = z.strictObject({
  from: phrase.describe('whole words of a caption, in any case'),
  to: phrase.describe('what stands there instead'),
});
export type CaptionEdit = z.infer<typeof captionEditSchema>;

export const captionEditsSchema = z
  .array(captionEditSchema)
  .min(1)
  .max(MOST_EDITS)
  .describe('the first edit whose words a caption has is made, wherever they stand');

/** The list of the seed, in its order. Unlike there, "pale" is no part of "impaled". */
export const SEED_EDITS: readonly CaptionEdit[] = [
  { from: 'slender', to: 'muscular' },
  { from: 'pale', to: 'tan' },
  { from: 'woman', to: 'person' },
  { from: 'long', to: 'short' },
  { from: 'dark', to: 'light' },
  { from: 'young', to: 'mature' },
  { from: 'facing right', to: 'facing left' },
  { from: 'directly at', to: 'away from' },
];

export interface EditedCaption<Edit extends CaptionEdit> {
  readonly caption: string;
  readonly edit: Edit;
}

/**
 * A combining mark belongs to the letter before it: an accent makes another word. Some marks are enough: a caption of
 * marks alone takes no long time.
 */
const NO_WORD_BEFORE = '(?<![\\p{L}\\p{N}]\\p{M}{0,8})';
const NO_WORD_AFTER = '(?![\\p{L}\\p{N}\\p{M}])';

/** The caption after the first edit that fits; undefined if none does. A phrase begins and ends at borders of words. */
export function editCaption<Edit extends CaptionEdit>(
  caption: string,
  edits: readonly Edit[],
): EditedCaption<Edit> | undefined {
  for (const edit of edits) {
    const words = edit.from.split(/\s+/).map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const pattern = new RegExp(`${NO_WORD_BEFORE}${words.join('\\s+')}${NO_WORD_AFTER}`, 'giu');
    const edited = caption.replace(pattern, found => alike(found, edit.to));
    if (edited !== caption) return { caption: edited, edit };
  }
  return undefined;
}

/** `to` with a capital if `found` begins with one. */
function alike(found: string, to: string): string {
  const [first = ''] = found;
  const [begin = '', ...rest] = to;
  return first !== first.toLowerCase() ? begin.toUpperCase() + rest.join('') : to;
}
