/** @file At the start of a server: goes on with the experiments that were in training, and with deletions. */

import { listHeads, readHead } from '../functions/experiments/experiment-head.ts';
import { deleteExperiment } from '../functions/operations/delete-experiment.ts';
import type { ExperimentHead } from '../storage/experiment-record.ts';
import type { ServerDeps } from './deps.ts';

/** A gpu-runner that starts beside the server, or a store that is away, is waited for this long. */
const PATIENCE_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;

/**
 * Starts `train` for each experiment that is in training, or that failed for want of a runner or a store, and returns.
 * The same call by a client joins these runs. Completes deletions. Passes failures to `log`, since the server works
 * without.
 */
export async function resumeExperiments(
  deps: ServerDeps,
  log: (line: string) => void = line => console.error(line),
): Promise<void> {
  try {
    for (const { name, head } of await listHeads(deps.store)) {
      if (head.deleting) {
        log(`going on with the deletion of ${name}`);
        const failed = (error: unknown) => log(`${name} was not deleted: ${String(error)}`);
        await deleteExperiment({ ...deps, now: deps.clock.now }, name).catch(failed);
        continue;
      }
      if (head.state !== 'running' && !hadNoMeans(head)) continue;
      log(`going on with the experiment ${name}`);
      void resume(deps, name, log);
    }
  } catch (error) {
    log(`experiments were not resumed: ${String(error)}`);
  }
}

/** Whether the training failed since no runner or no store could be reached: that may be over with a new start. */
function hadNoMeans({ problem }: ExperimentHead): boolean {
  return problem !== undefined && ['busy', 'store_unreachable', 'ambiguous'].includes(problem.code);
}

/** Tries again while that can help: no runner is reachable, the store is away or full, another server was faster. */
async function resume(deps: ServerDeps, name: string, log: (line: string) => void): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  let deadline = deps.clock.monotonic() + PATIENCE_MS;
  try {
    for (;;) {
      const startedAt = deps.clock.monotonic();
      const run = await deps.executor.start('train', { experiment: name });
      let state = await run.state();
      while (state.state === 'running' || state.state === 'queued') state = await run.wait(MAX_PAUSE_MS);
      if (state.error === undefined || state.error.code === 'cancelled') return;
      log(`the experiment ${name} stopped: ${state.error.message}`);
      // It had gone well for a while: what stopped it is new.
      if (deps.clock.monotonic() - startedAt > PATIENCE_MS) {
        pause = FIRST_PAUSE_MS;
        deadline = deps.clock.monotonic() + PATIENCE_MS;
      }
      if (!state.error.retryable || deps.clock.monotonic() + pause > deadline) return;
      await deps.clock.sleep(pause);
      // Somebody paused it meanwhile, or trained it to its end.
      const { value: head } = await readHead(deps.store, name);
      if (head.state === 'paused' || head.state === 'done') return;
      pause = Math.min(2 * pause, MAX_PAUSE_MS);
    }
  } catch (error) {
    log(`the experiment ${name} was not resumed: ${String(error)}`);
  }
}
