/** @file The median of a few numbers, by which trainings are judged. */

/** The upper one of the two in the middle; NaN of no numbers. */
export function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
