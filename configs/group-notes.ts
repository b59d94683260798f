/** @file Notes on many experiments, each kind of note once. */
import { listSome } from './quantity.ts';

/** Most experiments that a line names by itself. */
const MOST_NAMED = 3;
/** Not the digits of a name, such as `photos-7000`. */
const NUMBER = /(?<![\w"-])\d+(\.\d+)?(?![\w-])/g;

export interface Noted {
  readonly name: string;
  readonly notes?: readonly { readonly text: string }[] | undefined;
}

/**
 * Lines like `a, b and 7 more: TEXT`. Texts that differ in numbers alone, or in the name of their own experiment, share
 * a line, which has the numbers of the first.
 * @param mostNamed Most experiments that a line names.
 */
export function groupNotes(experiments: readonly Noted[], mostNamed = MOST_NAMED): string[] {
  const kinds = Map.groupBy(experiments.flatMap(listNotes), ({ kind }) => kind);
  return [...kinds.values()].map(group => {
    const [first, ...others] = group;
    if (others.length === 0) return `${first?.name}: ${first?.text}`;
    const named = listSome(
      group.map(({ name }) => name),
      mostNamed,
    );
    const isSame = others.every(({ common }) => common === first?.common);
    return `${named}: ${first?.common}${isSame ? '' : ` (the numbers are those of ${first?.name})`}`;
  });
}

/** Several alike notes on one experiment are of several kinds: each is told. */
function listNotes({ name, notes = [] }: Noted) {
  const seen = new Map<string, number>();
  return notes.map(({ text }) => {
    const common = text.replaceAll(`/${name}/`, '/NAME/').replaceAll(` ${name}@`, ' NAME@');
    const form = common.replaceAll(NUMBER, '#');
    const earlier = seen.get(form) ?? 0;
    seen.set(form, earlier + 1);
    return { name, text, common, kind: `${earlier} ${form}` };
  });
}
