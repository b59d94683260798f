/** @file A Node process that listens, with what it prints and the memory that it takes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface ListeningProcess {
  /** Without a "/" at its end. */
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** All that it has printed. */
  output(): string;
  /** Waits for output that fits. @throws Error with exit code and output when the process ends first. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Bytes of physical memory that it had at most until now. Linux only. */
  readPeakBytes(): Promise<number>;
  /** Returns when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ListeningOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Has a channel to this process. Default: a pipe to its standard input. */
  readonly hasChannel?: boolean;
}

/**
 * Starts a TypeScript file and waits for its line `... listening on http://...`.
 * @throws Error with exit code and output when the process ends instead.
 */
export async function startListening(
  entry: URL,
  { env, args = [], hasChannel = false }: ListeningOptions,
): Promise<ListeningProcess> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [fileURLToPath(entry), ...args], {
    env: { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }), ...env },
    stdio: hasChannel ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1));
  });

  function waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(output);
        if (found) resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', look);
      look();
      // Only then has all output arrived.
      child.once('close', (code, signal) => reject(new Error(`exit ${signal ?? code}: ${output}`)));
      ended.catch(reject);
    });
  }

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [, url = ''] = await waitFor(/listening on (http:\/\/\S+)\s/);
  const pid = child.pid ?? 0;
  return {
    url,
    pid,
    child,
    ended,
    output: () => output,
    waitFor,
    async readPeakBytes() {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await ended;
    },
  };
}

/** The server on a free port. `env` names its store, `folder` is its cache. */
export function startServer(
  env: Readonly<Record<string, string>>,
  folder: string,
  hasChannel = false,
): Promise<ListeningProcess> {
  const entry = new URL('../../server/main.ts', import.meta.url);
  return startListening(entry, { env: { EASEL_PORT: '0', EASEL_CACHE: folder, ...env }, hasChannel });
}
