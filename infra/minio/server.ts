/** @file A MinIO server on loopback as a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Conflict, Internal } from '../../errors.ts';
import { type MinioCredentials, makeCredentials } from './credentials.ts';
import { findServer } from './find-server.ts';
import { HOST, takePort } from './port.ts';
import { signedFetch } from './signed-fetch.ts';

const READY_MS = 60_000;
const ANSWER_MS = 5000;
const STOP_MS = 20_000;
/** For one whose parent was killed a moment ago. */
const ENDING_MS = 10_000;
const POLL_MS = 50;
const KEPT_LINES = 20;
/** In its folder, and empty: the default is in the home folder, where certificates of another MinIO may lie. */
const CERTS = '.certs';

export interface MinioOptions {
  readonly binary: string;
  /** Where it keeps its data; made when it is not there. */
  readonly folder: string;
  /** Default, and 0: any free one. */
  readonly port?: number;
  /** Of the web console; 0: any free one; default: none. */
  readonly consolePort?: number;
  /** Of the root user; default: random ones. */
  readonly credentials?: MinioCredentials;
  readonly log?: (line: string) => void;
}

export interface MinioServer extends MinioCredentials {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly port: number;
  readonly consolePort: number | undefined;
  readonly pid: number | undefined;
  /** Resolves when the process has ended, whoever ended it, with the last lines that it said. */
  readonly ended: Promise<readonly string[]>;
  /** SIGTERM and, after a while, SIGKILL; or the given signal at once. Resolves when it has ended. */
  stop(signal?: 'SIGKILL'): Promise<void>;
}

/**
 * Starts it and waits until it answers. It ends with this process, however that ends.
 * @throws Conflict when a port is taken, or a server runs on the folder: two of them would not see each other's conditional writes.
 * @throws Internal with its last lines when it does not start.
 */
export async function startMinio(options: MinioOptions): Promise<MinioServer> {
  const credentials = options.credentials ?? makeCredentials();
  await mkdir(options.folder, { recursive: true });
  const folder = await realpath(options.folder);
  await waitUntilUnserved(folder);
  const port = await takePort(options.port ?? 0);
  const consolePort = options.consolePort === undefined ? undefined : await takePort(options.consolePort);
  const args = ['server', folder, '--address', `${HOST}:${port}`, '--quiet', '--certs-dir', join(folder, CERTS)];
  if (consolePort !== undefined) args.push('--console-address', `${HOST}:${consolePort}`);
  // In a group of its own: Ctrl-C reaches whoever uses it, and who stops it when that has ended.
  const child = spawn(options.binary, args, {
    env: {
      ...process.env,
      MINIO_ROOT_USER: credentials.accessKey,
      MINIO_ROOT_PASSWORD: credentials.secretKey,
      MINIO_BROWSER: consolePort === undefined ? 'off' : 'on',
      MINIO_UPDATE: 'off',
      MINIO_CALLHOME_ENABLE: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const untie = tieToThisProcess(child);
  const lines = keepLines(child, options.log);
  const closed = new Promise<void>(resolve => child.once('error', () => resolve()).once('close', () => resolve()));
  const ended = closed.then(untie).then(() => lines);
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
      hint: `see whether ${options.binary} runs, and can write to ${folder}`,
    });
  }
  return { ...credentials, endpoint, port, consolePort, pid: child.pid, ended, stop };
}

async function waitUntilUnserved(folder: string): Promise<void> {
  const deadline = Date.now() + ENDING_MS;
  for (;;) {
    const pid = await findServer(folder);
    if (pid === undefined) return;
    if (Date.now() > deadline) {
      throw new Conflict(`MinIO runs on ${folder} already, as process ${pid}`, {
        hint: 'use that one, or end it first',
      });
    }
    await sleep(POLL_MS);
  }
}

/** A shell holds the other end of a pipe: when this process is gone, whatever killed it, the shell ends the child. */
function tieToThisProcess(child: ChildProcess): () => void {
  if (child.pid === undefined) return () => {};
  const shell = spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -TERM "$1"', 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.stdin.on('error', () => {});
  shell.on('error', () => {});
  return () => void shell.kill('SIGKILL');
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

/** It answers before it can serve: with 503, until buckets and users are loaded. */
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
