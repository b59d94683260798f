/** Samples at once: the largest power of two up to the micro-batch, and up to the 8 times of a picture. */
export function batchFor(microBatch: number): number {
  return [8, 4, 2].find(batch => batch <= microBatch) ?? 1;
}
