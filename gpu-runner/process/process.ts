/** @file Runs a gpu-runner as a process: environment, signals, exit code. Tests pass other engines and jobs. */
import { AppError, inOneLine } from '../../errors.ts';
import { removeRunnerFile, writeRunnerFile } from '../client/runner-file.ts';
import { StartRefused } from './control-client.ts';
import { parseRunnerEnv } from './env.ts';
import { type RunnerOptions, startRunner } from './runner.ts';

export type RunnerParts = Pick<
  RunnerOptions,
  'handlers' | 'openEngine' | 'probeEngines' | 'queueLimit' | 'stopDeadlineMs'
>;

/**
 * Runs until SIGTERM or SIGINT, or until the supervising parent is gone. An orderly stop exits with 0; a second signal
 * exits at once. Prints one line with its address when it is ready.
 */
export async function runRunnerProcess(parts: RunnerParts): Promise<void> {
  // A killed supervisor has closed the pipes. A failed write to them must not end the step under way.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    const env = parseRunnerEnv(process.env);
    const runner = await startRunner({ ...env, ...parts });
    if (env.ownSecret) {
      await writeRunnerFile(env.cacheFolder, env.device, {
        address: runner.address,
        secret: env.secret,
        pid: process.pid,
      });
    }
    let asked = false;
    const stop = async (reason: string) => {
      if (asked) process.exit(1);
      asked = true;
      console.log(`easel runner: ${reason}, finishing the step`);
      await runner.stop();
      if (env.ownSecret) await removeRunnerFile(env.cacheFolder, env.device);
      process.exit(0);
    };
    process.on('SIGTERM', () => void stop('SIGTERM'));
    process.on('SIGINT', () => void stop('SIGINT'));
    void runner.stopRequested.then(stop);
    console.log(`easel runner listening on ${runner.address} (device ${env.device}, store ${env.store})`);
  } catch (error) {
    refuse(error);
  }
}

function refuse(error: unknown): never {
  const cause = error instanceof StartRefused ? error.cause : error;
  if (!(cause instanceof AppError)) throw error;
  console.error(`easel runner: ${inOneLine(cause)}`);
  process.exit(error instanceof StartRefused ? error.exitCode : 1);
}
