/** @file At the start of a server: goes on with the experiments that were in training. */
import { setTimeout as sleep } from 'node:timers/promises';
import { listHeads } from '../functions/lib/experiment.ts';
import type { ServerDeps } from './deps.ts';

/** A gpu-runner that starts beside the server is waited for this long in all. */
const PATIENCE_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;

/**
 * Starts `train` for each experiment whose state is `running` and returns; what goes wrong is told to `log`, since the server is of
 * use without. The same call by a client joins these runs.
 */
export async function resumeExperiments(
  deps: ServerDeps,
  log: (line: string) => void = line => console.error(line),
): Promise<void> {
  try {
    for (const { name, head } of await listHeads(deps.store)) {
      if (head.state !== 'running') continue;
      log(`going on with the experiment ${name}`);
      void resume(deps, name, log);
    }
  } catch (error) {
    log(`experiments were not resumed: ${String(error)}`);
  }
}

/** While no runner is reachable, tries again. */
async function resume(deps: ServerDeps, name: string, log: (line: string) => void): Promise<void> {
  const deadline = deps.now() + PATIENCE_MS;
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      const run = await deps.executor.start('train', { experiment: name });
      let state = await run.state();
      while (state.state === 'running' || state.state === 'queued') state = await run.wait(MAX_PAUSE_MS);
      if (state.error === undefined || state.error.code === 'cancelled') return;
      log(`the experiment ${name} stopped: ${state.error.message}`);
      if (state.error.code !== 'busy' || deps.now() + pause > deadline) return;
      await sleep(pause, undefined, { ref: false });
    }
  } catch (error) {
    log(`the experiment ${name} was not resumed: ${String(error)}`);
  }
}
