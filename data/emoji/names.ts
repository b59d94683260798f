/** @file Names and keywords of emoji by the code points of their file, from emojibase-data (Unicode's CLDR). */
import { z } from 'zod';
import { Unprocessable } from '../../errors.ts';

/** Of emojibase-data, by number. */
const GROUPS = [
  'smileys and emotion',
  'people and body',
  'component',
  'animals and nature',
  'food and drink',
  'travel and places',
  'activities',
  'objects',
  'symbols',
  'flags',
] as const;

const rowSchema = z.object({
  hexcode: z.string(),
  label: z.string(),
  tags: z.array(z.string()).default([]),
  group: z.int().optional(),
});
const dataSchema = z.array(rowSchema.extend({ skins: z.array(rowSchema).default([]) }));

export interface EmojiName {
  /** As Unicode has it: 'waving hand: light skin tone'. */
  readonly label: string;
  /** Keywords; those of the plain emoji for one with a skin tone. */
  readonly tags: readonly string[];
  readonly group: string;
}

/** @param json `en/data.json` of emojibase-data. @throws Unprocessable for other JSON. */
export function readEmojiNames(json: string): ReadonlyMap<string, EmojiName> {
  const parsed = dataSchema.safeParse(JSON.parse(json));
  if (!parsed.success) throw new Unprocessable('the names of emoji are not those of emojibase-data');
  const names = new Map<string, EmojiName>();
  for (const { skins, ...base } of parsed.data) {
    for (const { hexcode, label, group = base.group } of [base, ...skins]) {
      names.set(plainCode(hexcode), { label, tags: base.tags, group: GROUPS[group ?? 8] ?? 'symbols' });
    }
  }
  return names;
}

/**
 * Code points without those that only choose a form: the emoji style, and the end of a flag's tag. Joined by `-`, each
 * of at least four digits. Packages disagree about all of this.
 */
export function plainCode(hexcode: string): string {
  return hexcode
    .toLowerCase()
    .split(/[-_]/)
    .filter(part => part !== 'fe0f' && part !== 'e007f')
    .map(part => part.padStart(4, '0'))
    .join('-');
}

/** The code points of a member of the package; undefined for another file. */
export function codeOfFile(name: string): string | undefined {
  return /^package\/assets\/([0-9a-f_-]+)\.webp$/.exec(name)?.[1];
}
