/** @file Runs a MinIO server on loopback as a child process. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeFolders } from '../../configs/make-folders.ts';
import { Conflict, Internal } from '../../errors.ts';
import { type MinioCredentials, makeCredentials } from './keys.ts';
import { signedFetch } from './signed-fetch.ts';

const HOST = '127.0.0.1';
const READY_MS = 60_000;
const ANSWER_MS = 5000;
const STOP_MS = 20_000;
/** Time for an earlier server to end whose parent was killed a moment ago. */
const ENDING_MS = 10_000;
const POLL_MS = 50;
/**
 * Ends process $1 when standard input closes: by force after 4 s, less than {@link ENDING_MS}, since a MinIO that is
 * still starting may not heed SIGTERM.
 */
const GUARD = 'cat; kill -TERM "$1" && sleep 4 && kill -KILL "$1"';
/**
 * Starts the guard $1 on the other end of a pipe, then becomes the program after it. When this process dies for any
 * reason, at any moment, the pipe closes and the guard ends the program.
 */
const GUARDED =
  'exec 3<&0; exec /bin/sh -c "$1" guard "$$" <&3 3<&- >/dev/null 2>&1 & shift; exec "$@" </dev/null 3<&-';
const KEPT_LINES = 20;
/** Longest list of processes. */
const MAX_LIST_BYTES = 2 ** 24;
/** An empty folder for certificates. The default lies in the home folder, which may hold those of another MinIO. */
const CERTS = '.certs';

export interface MinioOptions {
  readonly binary: string;
  /** Folder of the data; made if missing. */
  readonly folder: string;
  /** Port of the S3 interface; 0 (the default): a free port. */
  readonly port?: number;
  /** Port of the web console; 0: a free port; absent: no console. */
  readonly consolePort?: number;
  /** Keys of the root user; default: random keys. */
  readonly credentials?: MinioCredentials;
  readonly log?: (line: string) => void;
  /** Time for an earlier server on the folder to end; default: 10 s. */
  readonly endingMs?: number;
}

export interface MinioServer extends MinioCredentials {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly port: number;
  readonly consolePort: number | undefined;
  readonly pid: number | undefined;
  /** Resolves with the last lines of the process when it has ended for any reason. */
  readonly ended: Promise<readonly string[]>;
  /** Sends SIGTERM and, after a while, SIGKILL; or the given signal at once. Resolves when the process has ended. */
  stop(signal?: 'SIGKILL'): Promise<void>;
}

/**
 * Starts a server and waits until it answers. The server ends when this process ends for any reason.
 * @throws Conflict if a port is taken, or if a server runs on the folder: two servers would not see each other's
 * conditional writes.
 * @throws Internal with the last lines of a server that does not start.
 */
export async function startMinio(options: MinioOptions): Promise<MinioServer> {
  const credentials = options.credentials ?? makeCredentials();
  await makeFolders(options.folder);
  const folder = await realpath(options.folder);
  await waitUntilUnserved(folder, options.endingMs ?? ENDING_MS);
  const port = await takePort(options.port ?? 0);
  const consolePort = options.consolePort === undefined ? undefined : await takePort(options.consolePort);
  const args = ['server', folder, '--address', `${HOST}:${port}`, '--quiet', '--certs-dir', join(folder, CERTS)];
  if (consolePort !== undefined) args.push('--console-address', `${HOST}:${consolePort}`);
  // In its own process group: Ctrl-C reaches the processes that use the server first. They stop it when they have
  // ended.
  const child = spawn('/bin/sh', ['-c', GUARDED, 'sh', GUARD, options.binary, ...args], {
    env: {
      ...process.env,
      MINIO_ROOT_USER: credentials.accessKey,
      MINIO_ROOT_PASSWORD: credentials.secretKey,
      MINIO_BROWSER: consolePort === undefined ? 'off' : 'on',
      MINIO_UPDATE: 'off',
      MINIO_CALLHOME_ENABLE: 'off',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  const lines = keepLines(child, options.log);
  const closed = new Promise<void>(resolve => child.once('error', () => resolve()).once('close', () => resolve()));
  const ended = closed.then(() => endGuard(child)).then(() => lines);
  const endpoint = `http://${HOST}:${port}`;

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    child.kill(signal);
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(killing);
  }

  if (!(await becomesReady(endpoint, credentials, child))) {
    await stop('SIGKILL');
    throw new Internal(`MinIO did not start${lines.length === 0 ? '' : `:\n${lines.join('\n')}`}`, {
      hint: `check that ${options.binary} runs and can write to ${folder}`,
    });
  }
  return { ...credentials, endpoint, port, consolePort, pid: child.pid, ended, stop };
}

/**
 * Checks that a port is free now, or finds one. MinIO would not say which free port it took, or that a port was taken.
 * @param port 0: any free port.
 * @throws Conflict if another process has the port.
 */
async function takePort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (cause) {
    throw new Conflict(`cannot take port ${port} of ${HOST}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      hint: 'stop the process that listens there, or name another port (0 takes a free one)',
    });
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Internal('a socket without an address');
}

async function waitUntilUnserved(folder: string, endingMs: number): Promise<void> {
  const deadline = Date.now() + endingMs;
  for (;;) {
    const pid = await findServer(folder);
    if (pid === undefined) return;
    if (Date.now() > deadline) {
      throw new Conflict(`MinIO already runs on ${folder}, as process ${pid}`, {
        hint: 'use that server, or end it first',
      });
    }
    await sleep(POLL_MS);
  }
}

/**
 * @returns The process id from the system's process list; undefined if no server runs, or the system has no list.
 * @param folder Absolute, as on the command line of the server.
 */
export async function findServer(folder: string): Promise<number | undefined> {
  const list = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,args='], { maxBuffer: MAX_LIST_BYTES }).catch(
    () => undefined,
  );
  const line = list?.stdout.split('\n').find(each => each.includes(` server ${folder} --address `));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

/** The guard is what remains of the process group of a server that has ended. */
function endGuard({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function keepLines(child: ChildProcess, log: (line: string) => void = () => {}): readonly string[] {
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    log(line);
  };
  child.once('error', error => keep(error.message));
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', keep);
  return lines;
}

/** Polls until the server answers 200. It answers 503 until it has loaded buckets and users. */
async function becomesReady(endpoint: string, credentials: MinioCredentials, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + READY_MS;
  let failed = false;
  child.once('error', () => {
    failed = true;
  });
  while (Date.now() < deadline && !failed && child.exitCode === null && child.signalCode === null) {
    const listing = signedFetch({ endpoint, credentials, method: 'GET', path: '/', timeout: ANSWER_MS });
    if ((await listing.catch(() => undefined))?.ok) return true;
    await sleep(POLL_MS);
  }
  return false;
}
