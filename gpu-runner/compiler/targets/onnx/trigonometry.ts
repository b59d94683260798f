/**
 * @file Sine and cosine from sums and products. WGSL guarantees its own only to 2^-11, and only between -pi and pi. The
 * angles of the time embedding reach 1000.
 */

/** The part of an emitter that {@link writeSinusoid} uses. */
export interface NodeWriter {
  node(type: string, inputs: readonly string[], output: string): void;
  /** A new name for an intermediate value. */
  temporary(): string;
  /** The name of an f32 constant. */
  scalar(value: number): string;
}

/** Pi as a sum. Products of the first two parts with numbers up to 2^12 are exact in f32 (Cody and Waite). */
const PI_PARTS = [3.140625, 9.675025939941406e-4, 1.5099579909783765e-7] as const;

/** Taylor coefficients up to the 13th power: the next term is below 1e-9 at pi / 2. */
const SINE_COEFFICIENTS = [-1 / 6, 1 / 120, -1 / 5040, 1 / 362_880, -1 / 39_916_800, 1 / 6_227_020_800] as const;

/**
 * f32 `sin(x)` or `cos(x)` to 2e-7 for angles up to 10,000. It subtracts k half turns, so that at most pi / 2 is left;
 * the sign is that of (-1)^k.
 */
export function writeSinusoid(writer: NodeWriter, kind: 'sin' | 'cos', x: string, result: string): void {
  const apply = (type: string, ...inputs: (string | number)[]): string => {
    const output = writer.temporary();
    writer.node(
      type,
      inputs.map(input => (typeof input === 'number' ? writer.scalar(input) : input)),
      output,
    );
    return output;
  };
  const scaled = apply('Mul', x, 1 / Math.PI);
  const turns = apply('Floor', kind === 'sin' ? apply('Add', scaled, 0.5) : scaled);
  // cos(r + (k + 1/2) pi) = -(-1)^k sin(r)
  const multiple = kind === 'sin' ? turns : apply('Add', turns, 0.5);
  let rest = x;
  for (const part of PI_PARTS) rest = apply('Sub', rest, apply('Mul', multiple, part));

  const square = apply('Mul', rest, rest);
  const [last = 0, ...others] = SINE_COEFFICIENTS.toReversed();
  let series = apply('Mul', square, last);
  for (const coefficient of others) series = apply('Mul', square, apply('Add', series, coefficient));
  const sine = apply('Add', rest, apply('Mul', rest, series));

  const isOdd = apply('Sub', turns, apply('Mul', apply('Floor', apply('Mul', turns, 0.5)), 2));
  const [slope, start] = kind === 'sin' ? [-2, 1] : [2, -1];
  writer.node('Mul', [sine, apply('Add', apply('Mul', isOdd, slope), start)], result);
}
