/** Numbers spread over a range without repeats, the same on every machine (a Weyl sequence). */
export function randomValues(
  count: number,
  seed: number,
  [low, high]: readonly [number, number] = [-2, 2],
): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => low + (high - low) * ((0.137 * seed + (i + 1) * Math.SQRT2 * 1.37) % 1),
  );
}
