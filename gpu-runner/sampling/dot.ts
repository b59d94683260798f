/** The inner product of a[from ... to - 1] and b[from ... to - 1]. */
export function dotOf(a: Float64Array, b: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let k = from; k < to; k++) sum += a[k]! * b[k]!;
  return sum;
}
