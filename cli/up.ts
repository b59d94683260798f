/**
 * @file Starts and supervises a server and a gpu-runner that share a secret. The demo and the crash tests use it too.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Supervised, superviseProcess } from './supervise.ts';

const SECRET_BYTES = 32;
/** Longer than the gpu-runner's own deadline for finishing a step and committing it. */
const RUNNER_STOP_MS = 75_000;
const SERVER_STOP_MS = 20_000;
/** Time for the server to commit the gpu-runner's last answer. */
const COMMIT_MS = 300;

export interface EaselOptions {
  /** Store URL; default: EASEL_STORE, else `file:data/store`. */
  readonly store?: string;
  /** Address that the server listens on; the gpu-runner stays on loopback. */
  readonly host?: string;
  /** Port of the server; 0: free ports for server, gpu-runner and S3 endpoint. Default: EASEL_PORT, else 8787. */
  readonly port?: number;
  /** Name of the device; a host runs one gpu-runner per name. */
  readonly device?: string;
  /** Further environment of both processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the lines of both processes, with their names in front. Default: drops them. */
  readonly log?: (line: string) => void;
  /** Programs to run instead of the real ones, for tests. */
  readonly entries?: { readonly server?: string; readonly runner?: string };
}

export interface Easel {
  /** `http://127.0.0.1:8787` */
  readonly url: string;
  readonly runnerUrl: string;
  /** Process id of the running server; undefined during a restart. */
  readonly serverPid: number | undefined;
  /** Process id of the running gpu-runner; undefined during a restart. */
  readonly runnerPid: number | undefined;
  readonly restarts: { readonly server: number; readonly runner: number };
  /** Restarts the gpu-runner at its address, which makes it look for engines again. @throws Internal */
  restartRunner(): Promise<void>;
  /** Lets the gpu-runner finish its step and the server commit it, then ends both. */
  stop(): Promise<void>;
}

/** @throws Internal with the last lines of the process that did not start. */
export async function startEasel(options: EaselOptions = {}): Promise<Easel> {
  const log = options.log ?? (() => {});
  const common: Record<string, string> = {
    EASEL_RUNNER_SECRET: randomBytes(SECRET_BYTES).toString('base64url'),
    ...(options.store === undefined ? {} : { EASEL_STORE: options.store }),
    ...(options.host === undefined ? {} : { EASEL_HOST: options.host }),
    ...options.env,
  };
  const runner = await superviseProcess({
    name: 'runner',
    entry: options.entries?.runner ?? pathOf('../gpu-runner/process/main.ts'),
    env: {
      ...common,
      ...(options.device === undefined ? {} : { EASEL_DEVICE: options.device }),
      ...(options.port === 0 ? { EASEL_RUNNER_PORT: '0' } : {}),
    },
    keepAddress: url => ({ EASEL_RUNNER_PORT: url.port }),
    log: line => log(`runner | ${line}`),
  });
  let server: Supervised;
  try {
    server = await superviseProcess({
      name: 'server',
      entry: options.entries?.server ?? pathOf('../server/main.ts'),
      env: {
        ...memoryEnvironment(),
        ...common,
        EASEL_RUNNERS: new URL(runner.url).origin,
        ...(options.port === undefined ? {} : { EASEL_PORT: String(options.port) }),
        ...(options.port === 0 ? { EASEL_S3_PORT: options.env?.EASEL_S3_PORT ?? '0' } : {}),
      },
      keepAddress: url => ({ EASEL_PORT: url.port }),
      log: line => log(`server | ${line}`),
    });
  } catch (error) {
    await runner.stop(RUNNER_STOP_MS);
    throw error;
  }
  let stopped: Promise<void> | undefined;

  async function stop(): Promise<void> {
    const running = runner.pid !== undefined;
    await runner.stop(RUNNER_STOP_MS);
    if (running) await sleep(COMMIT_MS);
    await server.stop(SERVER_STOP_MS);
  }

  return {
    url: new URL(server.url).origin,
    runnerUrl: new URL(runner.url).origin,
    get serverPid() {
      return server.pid;
    },
    get runnerPid() {
      return runner.pid;
    },
    get restarts() {
      return { server: server.restarts, runner: runner.restarts };
    },
    restartRunner: () => runner.restart(),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/**
 * Garbage that the server leaves lying is memory that a training could use. V8 would let its newest objects grow to
 * 128 MiB, and glibc would keep freed pixels apart for each of many threads. What the environment says counts instead.
 */
function memoryEnvironment(): Record<string, string> {
  const { NODE_OPTIONS = '', MALLOC_ARENA_MAX = '2' } = process.env;
  return { NODE_OPTIONS: `--max-semi-space-size=16 ${NODE_OPTIONS}`.trim(), MALLOC_ARENA_MAX };
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
