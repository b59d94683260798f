/** @file Counts in sentences for people. */

/** 'picture', 1 -> '1 picture'; 'picture', 6000 -> '6,000 pictures'. `many`: a plural that does not end with s. */
export function quantity(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 'a, b and 4 more': the first `most` names of `total`. */
export function listSome(names: readonly string[], most: number, total = names.length): string {
  const shown = names.slice(0, most);
  const more = total - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${formatCount(more)} more` : shown.join(', ');
}

/** 6000 -> 6,000, in every locale. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
