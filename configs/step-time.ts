/**
 * @file The time of an optimizer step, from a measured one. Matrix products take time by their operations, and reach
 * the speed of the engine's best product in networks of all sizes. The other operations wait for memory, so they take
 * time by the bytes that they move. Small networks spend much of a step in these, large ones little.
 */

/** What a step computes. */
export interface StepWork {
  /** Operations of matrix products, two per multiply-add. */
  readonly flops: number;
  /** Bytes that the other operations read and write; undefined: not known. */
  readonly movedBytes?: number | undefined;
}

export interface MeasuredStep extends StepWork {
  readonly seconds: number;
  /** Of the engine's best matrix product; undefined: not measured. */
  readonly productFlopsPerSecond?: number | undefined;
}

/**
 * Seconds of a step on the engine of the measured one. The time that products leave of the measured step is that of
 * its moved bytes. Where that is not known, or products leave none, the whole step goes by operations.
 */
export function predictSeconds({ flops, movedBytes }: StepWork, measured: MeasuredStep): number {
  const { seconds, productFlopsPerSecond: rate = 0, movedBytes: moved = 0 } = measured;
  const rest = seconds - measured.flops / rate;
  if (movedBytes === undefined || moved === 0 || !(rest > 0)) return seconds * (flops / measured.flops);
  return flops / rate + rest * (movedBytes / moved);
}
