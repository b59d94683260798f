/** @file A MinIO server on loopback as a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Internal } from '../../errors.ts';

const HOST = '127.0.0.1';
const READY_MS = 60_000;
const STOP_MS = 20_000;
const POLL_MS = 50;
const KEPT_LINES = 20;

export interface MinioCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface MinioOptions {
  readonly binary: string;
  /** Where it keeps its data. */
  readonly folder: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Of the web console; default: none. */
  readonly consolePort?: number;
  /** Of the root user; default: random ones. */
  readonly credentials?: MinioCredentials;
  readonly log?: (line: string) => void;
}

export interface MinioServer extends MinioCredentials {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** Resolves when the process has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** SIGTERM and, after a while, SIGKILL; or the given signal at once. Resolves when it has ended. */
  stop(signal?: 'SIGKILL'): Promise<void>;
}

export function makeCredentials(): MinioCredentials {
  return { accessKey: `easel-${randomBytes(6).toString('hex')}`, secretKey: randomBytes(24).toString('base64url') };
}

/** Starts it and waits until it answers. @throws Internal with its last lines when it does not. */
export async function startMinio(options: MinioOptions): Promise<MinioServer> {
  const credentials = options.credentials ?? makeCredentials();
  const port = options.port ?? (await findFreePort());
  const args = ['server', options.folder, '--address', `${HOST}:${port}`, '--quiet'];
  if (options.consolePort !== undefined) args.push('--console-address', `${HOST}:${options.consolePort}`);
  const child = spawn(options.binary, args, {
    env: {
      ...process.env,
      MINIO_ROOT_USER: credentials.accessKey,
      MINIO_ROOT_PASSWORD: credentials.secretKey,
      MINIO_BROWSER: options.consolePort === undefined ? 'off' : 'on',
      MINIO_UPDATE: 'off',
      MINIO_CALLHOME_ENABLE: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>(resolve => child.once('error', () => resolve()).once('close', () => resolve()));
  const lines = keepLines(child, options.log);
  const endpoint = `http://${HOST}:${port}`;
  if (!(await becomesReady(endpoint, child))) {
    child.kill('SIGKILL');
    throw new Internal(`MinIO did not start${lines.length === 0 ? '' : `:\n${lines.join('\n')}`}`, {
      hint: `see whether ${options.binary} runs, and whether port ${port} is free`,
    });
  }
  return {
    ...credentials,
    endpoint,
    port,
    pid: child.pid,
    ended,
    async stop(signal) {
      child.kill(signal ?? 'SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(killing);
    },
  };
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

async function becomesReady(endpoint: string, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + READY_MS;
  let failed = false;
  child.once('error', () => {
    failed = true;
  });
  while (Date.now() < deadline && !failed && child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(`${endpoint}/minio/health/ready`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** One that was free a moment ago: MinIO does not tell which port it took. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Internal('no port is free');
}
