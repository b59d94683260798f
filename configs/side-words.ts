/**
 * @file Words of a caption that a mirrored picture would make wrong: words for sides, and words that tell of writing.
 * A word that only may mean a side counts, too ("right" in "right now"): the picture is then not mirrored, which costs
 * little.
 */

/** Sides and turns, in the languages that captions are mostly written in. */
const SIDES = [
  'left|right|lefts|rights|leftward|leftwards|rightward|rightwards|leftmost|rightmost|lefthand|righthand',
  'clockwise|counterclockwise|anticlockwise',
  'links|rechts|linke[nmrs]?|rechte[nmrs]?',
  'gauche|droite?|izquierd[ao]s?|derech[ao]s?|sinistr[aoei]|destr[aoei]|esquerd[ao]s?|direit[ao]s?',
];
/** Letters of a mirrored picture are mirrored. */
const WRITING = ['text|texts|letters?|lettering|words?|writing|written|logos?|slogans?|inscriptions?|reads|reading'];

const WORDS = new RegExp(`(?<![\\p{L}\\p{N}])(?:${[...SIDES, ...WRITING].join('|')})(?![\\p{L}\\p{N}])`, 'iu');

/** The first word of a caption that forbids to mirror its picture; undefined: it has none. */
export function findSideWord(caption: string): string | undefined {
  return WORDS.exec(caption)?.[0];
}
