/**
 * @file The patches of the original project. Its script takes the last tokens of DINOv3 for registers, which are in
 * truth the tokens after the first: a file begins with four registers, row k holds patch k - 4, and the last four
 * patches are
 * lost. The number of rows looks right. Here it is told by the numbers whether a file is so, and mended.
 */
import { fromF16Bits } from '../../formats/half.ts';
import { readNpyHeader } from '../../formats/npy.ts';
import { bytesPerElement, tensorOverBytes } from '../../formats/tensor.ts';
import type { SourceFile } from './import-source.ts';

/** Registers of DINOv3. */
export const REGISTERS = 4;
/** Rows at the start that are looked at: registers, and patches of the first row of cells. */
const ROWS = 12;
const HEADER_BYTES = 128;
/** Times the largest distance among patches that the nearest of the first rows must have to be told as a register. */
const CERTAIN = 2;
/** Up to so many times, the first rows are patches like the others. */
const ALIKE = 1.25;
/** Patches that are farther apart say nothing: the files are too few, or are no features of pictures. */
const MOST_SPREAD = 0.5;

/** Rows at the start of the files that are registers; undefined: the numbers do not say. */
export type FoundRegisters = 0 | typeof REGISTERS | undefined;

/**
 * Compares the first four rows with the eight after them, by their means over the files. Patches side by side at
 * the top
 * of a picture resemble each other; each register has a direction of its own.
 * @param heads The first rows of some files, [rows, dim].
 */
export function tellRegisters(heads: readonly Float32Array[], dim: number): FoundRegisters {
  const means = Array.from({ length: ROWS }, (_, row) => {
    const mean = new Float64Array(dim);
    for (const head of heads) for (let i = 0; i < dim; i++) mean[i] = (mean[i] ?? 0) + (head[row * dim + i] ?? 0);
    return mean;
  });
  const patches = means.slice(REGISTERS);
  const distanceTo = (row: Float64Array, others: readonly Float64Array[]) =>
    1 -
    cosine(
      row,
      others.reduce((sum, other) => sum.map((each, i) => each + (other[i] ?? 0)), new Float64Array(dim)),
    );
  const among = patches.map(row =>
    distanceTo(
      row,
      patches.filter(other => other !== row),
    ),
  );
  const first = means.slice(0, REGISTERS).map(row => distanceTo(row, patches));
  const spread = Math.max(...among, 1e-6);
  if (spread > MOST_SPREAD) return undefined;
  if (Math.min(...first) > CERTAIN * spread) return REGISTERS;
  return Math.max(...first) < ALIKE * spread ? 0 : undefined;
}

function cosine(a: Float64Array, b: Float64Array): number {
  let [dot, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x = 0, y = 0] = [a[i], b[i]];
    dot += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return dot / Math.sqrt(ofA * ofB || 1);
}

/** The first rows of a file of patches; undefined if it has fewer, or is no such array. */
export async function readHead(
  file: SourceFile,
): Promise<{ readonly dim: number; readonly rows: Float32Array } | undefined> {
  try {
    const { dtype, shape, start } = readNpyHeader(await file.readAt(0, Math.min(HEADER_BYTES, file.size)));
    const [count = 0, dim = 0] = shape;
    if (shape.length !== 2 || count < ROWS || (dtype !== 'f16' && dtype !== 'f32')) return undefined;
    const bytes = await file.readAt(start, ROWS * dim * bytesPerElement(dtype));
    const { data } = tensorOverBytes(dtype, [ROWS, dim], bytes);
    return { dim, rows: dtype === 'f16' ? Float32Array.from(data, fromF16Bits) : Float32Array.from(data) };
  } catch {
    // Reading the sample says what is wrong.
    return undefined;
  }
}

/**
 * The grid without its registers. The lost cells at its end get the numbers of the cells above them.
 * @param flat float16 bits [rows x columns, dim].
 */
export function restoreGrid(
  flat: Uint16Array,
  { columns, dim, registers }: { readonly columns: number; readonly dim: number; readonly registers: number },
): Uint16Array {
  const grid = new Uint16Array(flat.length);
  grid.set(flat.subarray(registers * dim));
  for (let cell = flat.length / dim - registers; cell < flat.length / dim; cell++) {
    const above = Math.max(0, cell - columns);
    grid.copyWithin(cell * dim, above * dim, (above + 1) * dim);
  }
  return grid;
}
