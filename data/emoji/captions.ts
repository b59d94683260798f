/**
 * @file Captions of emoji from their Unicode names and keywords, in varied wording. Each names the background, whose
 * colour can be measured. Caption `variant` of picture i of a seed is a pure function of all three.
 */
import { list, upper } from '../phrases.ts';
import { pickOne, shuffleAll } from '../random.ts';
import type { EmojiName } from './names.ts';

/** Most captions of a picture. */
export const CAPTION_VARIANTS = 4;
/** Keywords in a caption. */
const MOST_TAGS = 4;

/** Parts of a name that an emoji has, rather than shows. */
const WORN = /skin tone|hair|beard|bald/;

/**
 * The name of an emoji as people say it: 'waving hand: light skin tone' -> 'waving hand with light skin tone', 'flag:
 * France' -> 'flag of France', 'kiss: woman, man' -> 'kiss of woman and man'.
 */
export function spokenName(label: string): string {
  const at = label.indexOf(': ');
  if (at < 0) return label;
  const [base, rest] = [label.slice(0, at), label.slice(at + 2)];
  if (base === 'keycap') return `keycap ${rest}`;
  const parts = rest.split(', ');
  const [worn, shown] = [parts.filter(part => WORN.test(part)), parts.filter(part => !WORN.test(part))];
  return [
    base,
    ...(shown.length > 0 ? ['of', list(shown)] : []),
    ...(worn.length > 0 ? ['with', list(worn)] : []),
  ].join(' ');
}

interface Words {
  readonly name: string;
  /** A few keywords, in random order. */
  readonly tags: readonly string[];
  readonly background: string;
}

const TEMPLATES: readonly ((w: Words) => string)[] = [
  w => `A 3D emoji of ${article(w.name)} on ${article(`${w.background} background`)}.`,
  w => `${upper(w.name)}, a glossy 3D icon, ${w.background} background.`,
  w => `On ${article(`${w.background} background`)}, an emoji: ${w.name}${tagged(w.tags, ' that says ')}.`,
  w =>
    `An emoji that shows ${article(w.name)}${tagged(w.tags, ', for ')}, against ${article(`${w.background} background`)}.`,
  w => `${[w.name, ...w.tags].join(', ')}, ${w.background} background`,
  w => `${upper(w.name)} in front of ${article(`${w.background} background`)}${tagged(w.tags, ', in other words ')}.`,
];

export function captionEmoji(
  { label, tags }: EmojiName,
  background: string,
  key: readonly (string | number)[],
  variant: number,
): string {
  const own = [...key, 'caption', variant];
  const name = spokenName(label);
  const words = name.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  const others = tags.filter(
    tag =>
      !tag
        .toLowerCase()
        .split(' ')
        .every(word => words.includes(word)),
  );
  const some = shuffleAll(others, ...own, 'tags').slice(0, MOST_TAGS);
  return pickOne(TEMPLATES, ...own, 'template')({ name, tags: some, background });
}

/** Different captions of a picture. */
export function captionsOfEmoji(
  emoji: EmojiName,
  background: string,
  key: readonly (string | number)[],
): [string, ...string[]] {
  const first = captionEmoji(emoji, background, key, 0);
  const others = Array.from({ length: CAPTION_VARIANTS - 1 }, (_, i) => captionEmoji(emoji, background, key, i + 1));
  return [first, ...new Set(others.filter(other => other !== first))];
}

function tagged(tags: readonly string[], before: string): string {
  return tags.length === 0 ? '' : before + list(tags);
}

/** No article before plurals and flags' like: 'a pizza', 'an eye', 'glasses'. */
function article(noun: string): string {
  if (/^(the|flag of|[^a-z]|.*s$)/.test(noun)) return noun.startsWith('flag of') ? `the ${noun}` : noun;
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
