/** @file The table of jobs: a handler for each row of JOB_KINDS in protocol.ts. */
import type { JobHandlers } from './context.ts';
import { createDistanceJob } from './distance.ts';
import { createEncodeJob } from './encode.ts';
import { createExportJob } from './export.ts';
import { createFlowLossJob } from './flow-loss.ts';
import { createPlanJob } from './plan.ts';
import { createRateJob } from './rate.ts';
import { createSampleJob } from './sample.ts';
import { createTrainChunkJob } from './train-chunk.ts';
import { createTuneJob } from './tune.ts';

/** Creates the handlers. Each keeps the state of its last job on the device. */
export function createJobHandlers(): JobHandlers {
  return {
    'train-chunk': createTrainChunkJob(),
    tune: createTuneJob(),
    sample: createSampleJob(),
    'flow-loss': createFlowLossJob(),
    encode: createEncodeJob(),
    distance: createDistanceJob(),
    plan: createPlanJob(),
    export: createExportJob(),
    rate: createRateJob(),
  };
}
