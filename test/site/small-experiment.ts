/** @file An experiment for real processes: 24 steps on 8 pictures of 32 pixels each, which a CPU trains in seconds. */

export const LAST_STEP = 24;
/** The body of `prepare` for the dataset `faces`. */
export const PORTRAITS = { dataset: 'faces', source: 'portraits', count: 20, size: 32, seed: 1 };
/** Changes of the model that make a step slow enough to be interrupted. */
export const SLOW_MODEL = { hidden_size: 64, depth: 3 };

const BATCH = 8;
const MODEL = { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 };

/**
 * The body of PUT /experiments/NAME. It names the engine: another machine would choose another one.
 * @param run The section `run` of the config.
 */
export function smallExperiment(dataset: string, run: object, model: object = {}, steps = LAST_STEP) {
  const config = {
    model: { ...MODEL, ...model },
    optimizer: { total_samples: BATCH * steps, warmup_samples: 2 * BATCH },
    data: { batch_size: BATCH },
    run,
  };
  return { config, dataset, engine: 'onnxruntime/cpu' };
}
