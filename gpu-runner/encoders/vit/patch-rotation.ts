import type { Rotation } from '../../compiler/rotary.ts';
import type { Builder } from '../../compiler/trace.ts';

interface PatchGrid {
  /** Tokens before those of the patches: they do not turn. */
  readonly prefix: number;
  readonly rows: number;
  readonly columns: number;
  /** Channels of a head. */
  readonly dim: number;
  readonly base: number;
}

/**
 * The rotary positions of DINOv3, [prefix + rows * columns, dim], for channels that turn in neighbouring pairs. Centres
 * of patches lie from -1 to 1, whatever the size of the picture. The first half of the pairs turns with the row, the
 * second with the column, with dim / 4 wave lengths each: base^(4 k / dim).
 */
export function patchRotation(builder: Builder, { prefix, rows, columns, dim, base }: PatchGrid): Rotation {
  const count = dim / 4;
  const waves = Array.from({ length: count }, (_, k) => base ** (k / count));
  const anglesOf = (size: number) =>
    Array.from({ length: size }, (_, i) => {
      const centre = 2 * ((i + 0.5) / size) - 1;
      // Both channels of a pair turn by one angle.
      return waves.flatMap(wave => [(2 * Math.PI * centre) / wave, (2 * Math.PI * centre) / wave]);
    });
  const [down, across] = [anglesOf(rows), anglesOf(columns)];
  const angles = down.flatMap(row => across.flatMap(column => [...row, ...column]));
  const still = new Array<number>(prefix * dim).fill(0);
  // Literals: ONNX Runtime has a kernel for them.
  const table = (turn: (angle: number) => number) =>
    builder.constant([...still, ...angles].map(turn).map(Math.fround), [prefix + rows * columns, dim]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
