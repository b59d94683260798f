import type { JobHandlers } from './context.ts';
import { createSampleJob } from './sample.ts';
import { createTrainChunkJob } from './train-chunk.ts';

/** The real jobs; each remembers its last state on the device. */
export function createJobHandlers(): JobHandlers {
  return { 'train-chunk': createTrainChunkJob(), sample: createSampleJob() };
}
