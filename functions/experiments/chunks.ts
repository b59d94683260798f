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
 * The chunk that starts at `step`: up to the next multiple of `chunkSteps`, so that after a chunk cut short by a shutdown the
 * borders are those of an undisturbed run again; or up to the last step. Undefined when the run is there already.
 */
export function nextChunk(step: number, chunkSteps: number, lastStep: number): StepRange | undefined {
  if (step >= lastStep) return undefined;
  const border = (Math.floor(step / chunkSteps) + 1) * chunkSteps;
  return { from: step, to: Math.min(border, lastStep) };
}
