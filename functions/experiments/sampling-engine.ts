/** @file The engine on which pictures of a model are sampled. */
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { splitName } from '../execution/names.ts';
import { readHead } from './experiment-head.ts';
import { type EngineRequest, resolveEngine } from './resolve-engine.ts';

export interface EngineContext {
  readonly store: ObjectStore;
  readonly runner: RunnerClient;
}

/**
 * An experiment samples on the engine that it trains on; a bare checkpoint on the engine that `auto` takes now.
 * @param model Digest of a checkpoint, or the name of an experiment, also with @step.
 * @param asked Overrules the engine of the experiment.
 * @throws NotFound, Unprocessable, Busy when the runner has to be asked and does not answer.
 */
export async function chooseSamplingEngine(
  { store, runner }: EngineContext,
  model: string,
  asked: EngineRequest | undefined,
): Promise<EngineSpec> {
  if (asked === undefined && !model.startsWith('sha256:')) {
    return (await readHead(store, splitName(model, 'model').name)).value.engine;
  }
  return resolveEngine(await runner.status(), asked ?? 'auto');
}
