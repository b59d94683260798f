/** @file Keeps one child process running: restarts it with back-off, passes its lines on, and stops it in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMachineMemory } from '../configs/machine-memory.ts';
import { Internal } from '../errors.ts';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 15_000;
/** After a child has run this long, its next restart is quick again. */
const HEALTHY_MS = 30_000;
const READY_MS = 60_000;
/** EX_TEMPFAIL (sysexits.h): the device is still held, usually by a gpu-runner that is about to end. */
const EXIT_HELD = 75;
const HELD_PATIENCE_MS = 15_000;
const HELD_DELAY_MS = 1000;
const KEPT_LINES = 20;

export interface SuperviseOptions {
  /** The child's own name, from its line "easel <name> listening on ...". */
  readonly name: string;
  /** Path of a TypeScript file. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Variables added to the environment once the child's address is known, so that a restart keeps the address. */
  keepAddress(url: URL): Readonly<Record<string, string>>;
  log(line: string): void;
  /** A number that grows when a process is killed because memory ran out; default: the system's. */
  readMemoryKills?(): number;
}

export interface Supervised {
  /** Address from the child's line `easel <name> listening on http://...`. */
  readonly url: string;
  /** Process id of the running child; undefined between two. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Sends SIGTERM and waits until the next child listens. @throws Internal if none does in time */
  restart(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL after `deadlineMs`; resolves when the child has ended. */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts the child and waits for the line with its address. @throws Internal with its last lines if it ends before. */
export async function superviseProcess(options: SuperviseOptions): Promise<Supervised> {
  let child: ChildProcess | undefined;
  let env = options.env;
  let url: string | undefined;
  let restarts = -1;
  let failures = 0;
  const lines: string[] = [];
  const readKills = options.readMemoryKills ?? (() => readMachineMemory().kills);
  const ending = new AbortController();
  let ready = Promise.withResolvers<string>();
  const startedAt = performance.now();
  // Other listeners in the child (the S3 endpoint) print other words.
  const address = new RegExp(`^easel ${options.name} listening on (https?:\\/\\/\\S+)`);

  function listen(line: string): void {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    options.log(line);
    const found = address.exec(line)?.[1];
    if (found === undefined) return;
    url = found;
    env = { ...env, ...options.keepAddress(new URL(found)) };
    ready.resolve(found);
  }

  async function runOnce(): Promise<{ code: number | null; ms: number; forMemory: boolean }> {
    const from = performance.now();
    const kills = readKills();
    // In its own process group: Ctrl-C reaches only the supervisor, which then stops its children in order. A child
    // loses the IPC channel and stdin when the supervisor is killed.
    const started = spawn(process.execPath, [options.entry], {
      env: { ...process.env, ...env, EASEL_SUPERVISED: '1' },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    child = started;
    restarts += 1;
    for (const stream of [started.stdout, started.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', listen);
    }
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
      started.once('error', error => {
        listen(error.message);
        resolve([null, null]);
      });
      started.once('close', (...end) => resolve(end));
    });
    child = undefined;
    return { code, ms: performance.now() - from, forMemory: signal === 'SIGKILL' && readKills() > kills };
  }

  async function keepRunning(): Promise<void> {
    while (!ending.signal.aborted) {
      const { code, ms, forMemory } = await runOnce();
      if (ending.signal.aborted) return;
      const held = code === EXIT_HELD && performance.now() - startedAt < HELD_PATIENCE_MS;
      if (url === undefined && !held) {
        // Repeated attempts print the same lines.
        const said = [...new Set(lines)].join('\n');
        ready.reject(new Internal(`the ${options.name} did not start${said === '' ? '' : `:\n${said}`}`));
        return;
      }
      failures = ms > HEALTHY_MS ? 0 : failures + 1;
      const backOff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1));
      const delay = code === EXIT_HELD ? HELD_DELAY_MS : backOff;
      env = { ...env, EASEL_KILLED_FOR_MEMORY: forMemory ? '1' : '0' };
      const end = code === null ? 'ended with a signal' : `ended with code ${code}`;
      options.log(`${forMemory ? 'was killed because memory ran out' : end}, restarting in ${delay / 1000} s`);
      await sleep(delay, undefined, { signal: ending.signal }).catch(() => {});
    }
  }

  const running = keepRunning();

  async function stop(deadlineMs: number): Promise<void> {
    ending.abort();
    const current = child;
    if (current !== undefined) {
      current.kill('SIGTERM');
      const killing = setTimeout(() => current.kill('SIGKILL'), deadlineMs);
      if (current.exitCode === null && current.signalCode === null) await once(current, 'exit');
      clearTimeout(killing);
    }
    await running;
  }

  async function waitUntilReady({ promise, reject }: typeof ready): Promise<void> {
    const late = setTimeout(
      () => reject(new Internal(`the ${options.name} did not listen within ${READY_MS / 1000} s`)),
      READY_MS,
    );
    try {
      await promise;
    } finally {
      clearTimeout(late);
    }
  }

  async function restart(): Promise<void> {
    ready = Promise.withResolvers<string>();
    child?.kill('SIGTERM');
    await waitUntilReady(ready);
  }

  try {
    await waitUntilReady(ready);
  } catch (error) {
    await stop(0);
    throw error;
  }

  return {
    get url() {
      return url ?? '';
    },
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    restart,
    stop,
  };
}
