/** A wheel in the package index. Easel unpacks it and runs no Python, so its Python version only selects the file. */
export interface Wheel {
  /** Name of the project in the index. */
  readonly project: string;
  readonly version: string;
  readonly file: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Arguments of `pip download` that select this file for every version of Python. */
  readonly select: readonly string[];
}
