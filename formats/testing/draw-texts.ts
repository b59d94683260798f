/** @file Texts as testdata/make-tokenizer-goldens.py draws them: words, and characters of many scripts. */

const WORDS = (
  'a portrait of person with red auburn hair wearing round glasses in navy hoodie on teal background smiling ' +
  'Photograph unbelievably well-lit don\'t it\'s 3.14 1,000 50% #tag @name (soft) "quoted" e-mail naïve Café ÅNGSTRÖM ' +
  "straße İstanbul ﬁne ½ ² … — ' ’ // http://a.b/c?d=e&f snake_case CamelCase xylophonists antidisestablishmentarianism " +
  '</s> [SEP]'
).split(' ');

/** Code points, first and last. */
const RANGES: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x21, 0x7e],
  [0xa0, 0xff],
  [0x100, 0x17f],
  [0x300, 0x33f],
  [0x391, 0x3a1],
  [0x410, 0x44f],
  [0x5d0, 0x5ea],
  [0x621, 0x63a],
  [0x905, 0x939],
  [0xe01, 0xe30],
  [0x1100, 0x1112],
  [0x1e00, 0x1e95],
  [0x2000, 0x200f],
  [0x2010, 0x2027],
  [0x2028, 0x202f],
  [0x2030, 0x205e],
  [0x2070, 0x2071],
  [0x20a0, 0x20b5],
  [0x2100, 0x2138],
  [0x2153, 0x2182],
  [0x2190, 0x21ff],
  [0x2460, 0x24ff],
  [0x2500, 0x25ff],
  [0x3000, 0x303f],
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x3200, 0x321c],
  [0x3300, 0x3357],
  [0x4e00, 0x9fa5],
  [0xac00, 0xd7a3],
  [0xf900, 0xfa2d],
  [0xfb00, 0xfb06],
  [0xfe0f, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xff01, 0xff5e],
  [0xff61, 0xff9f],
  [0xfffc, 0xfffd],
  [0x1d400, 0x1d454],
  [0x1f300, 0x1f37f],
  [0x1f3fb, 0x1f3ff],
  [0x1f600, 0x1f64f],
  [0x20000, 0x2001f],
];

/** The first `count` texts of a seed. Every fiftieth is longer than 512 tokens. */
export function drawTexts(seed: number, count: number): string[] {
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % limit;
  };
  return Array.from({ length: count }, (_, index) => {
    const pieces = index % 50 === 49 ? 400 + below(300) : below(40);
    const exotic = below(4);
    let text = '';
    for (let piece = 0; piece < pieces; piece++) {
      if (below(4) < exotic) {
        const [first, last] = RANGES[below(RANGES.length)] ?? [0, 0];
        const characters = 1 + below(4);
        for (let i = 0; i < characters; i++) text += String.fromCodePoint(first + below(last - first + 1));
      } else {
        text += WORDS[below(WORDS.length)];
      }
      if (below(5) > 0) text += below(8) > 0 ? ' ' : ', ';
    }
    return text;
  });
}
