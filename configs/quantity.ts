/** @file Counts in sentences for people. */

/** 'picture', 1 -> '1 picture'; 'picture', 6000 -> '6,000 pictures'. `many`: a plural that does not end with s. */
export function quantity(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 6000 -> 6,000, in every locale. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
