/** @file How a run is cut into chunks. */

export interface StepRange {
  readonly from: number;
  readonly to: number;
}

/** Optimizer steps that see at least `samples` samples. */
export function stepsFor(samples: number, batchSize: number): number {
  return Math.ceil(samples / batchSize);
}

/**
 * The chunk that starts at `step`. It ends at the last step, or at the next multiple of `chunkSteps`: so after a chunk
 * that a shutdown cut short, the borders are again those of an undisturbed run.
 * @returns Undefined if the run is at its last step.
 */
export function nextChunk(step: number, chunkSteps: number, lastStep: number): StepRange | undefined {
  if (step >= lastStep) return undefined;
  const border = (Math.floor(step / chunkSteps) + 1) * chunkSteps;
  return { from: step, to: Math.min(border, lastStep) };
}
