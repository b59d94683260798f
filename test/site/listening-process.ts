/** @file A process that listens and says where, with the memory that it takes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface ListeningProcess {
  /** Without a "/" at its end. */
  readonly url: string;
  readonly pid: number;
  /** Bytes of physical memory that it had at most until now. Linux only. */
  readPeakBytes(): Promise<number>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a TypeScript file and waits for its line `... listening on http://...`. @throws Error with its output. */
export async function startListening(
  entry: URL,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<ListeningProcess> {
  const child = spawn(process.execPath, [fileURLToPath(entry), ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      said += chunk;
      const found = /listening on (http:\/\/\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(said)));
  });
  const pid = child.pid ?? 0;
  return {
    url,
    pid,
    async readPeakBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** The server on a free port. `env` names its store, `folder` is its cache. */
export function startServer(env: Readonly<Record<string, string>>, folder: string): Promise<ListeningProcess> {
  const entry = new URL('../server/main.ts', import.meta.url);
  return startListening(entry, { EASEL_PORT: '0', EASEL_CACHE: folder, ...env });
}
