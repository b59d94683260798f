/** @file Starts the fake runner as a process of its own, on a free port and a device name of its own. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ListeningProcess, startListening } from '../../test/site/listening-process.ts';

export const SECRET = 'a secret for tests only';

export interface SpawnedRunner extends ListeningProcess {
  readonly env: Readonly<Record<string, string>>;
  /** Lines that the fake jobs wrote to FAKE_TRACE. */
  trace(): Promise<readonly string[]>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** @throws Error with exit code and output when the process ends before it listens. */
export async function spawnRunner(folder: string, env: Readonly<Record<string, string>> = {}): Promise<SpawnedRunner> {
  const own = {
    HOME: folder,
    EASEL_STORE: `file:${join(folder, 'store')}`,
    EASEL_CACHE: join(folder, 'cache'),
    EASEL_RUNNER_PORT: '0',
    EASEL_RUNNER_SECRET: SECRET,
    EASEL_DEVICE: `test-${randomUUID()}`,
    FAKE_TRACE: join(folder, 'trace'),
    ...env,
  };
  const runner = await startListening(new URL('./fake-runner.ts', import.meta.url), { env: own });
  return {
    ...runner,
    env: own,
    trace: async () => (await readFile(own.FAKE_TRACE, 'utf8').catch(() => '')).split('\n').filter(Boolean),
    fetch: (path, init = {}) =>
      fetch(new URL(path, runner.url), {
        ...init,
        headers: { authorization: `Bearer ${own.EASEL_RUNNER_SECRET}`, ...init.headers },
      }),
  };
}
