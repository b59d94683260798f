import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from 'minio';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readS3Keys } from '../configs/s3-keys.ts';
import { digestOf } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { jsonOf } from './testing/server.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const LISTENING = /easel server listening on (http:\/\/\S+)/;

let folder: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-server-'));
  children = [];
});

afterEach(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    EASEL_STORE: `file:${folder}/store`,
    EASEL_PORT: '0',
    EASEL_CACHE: folder,
    ...extra,
  };
}

function start(extra: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [MAIN], { env: environment(extra), stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

/** The address that it prints; what it printed instead is the error. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const read = (chunk: Buffer) => {
      said += chunk;
      const address = LISTENING.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(said)));
  });
}

test('serves over a socket, and stops in good order', async () => {
  const child = start();
  const address = await addressOf(child);
  expect(await jsonOf(fetch(`${address}/health`))).toMatchObject({
    v: 1,
    status: 'ok',
    runner_problem: expect.any(String),
  });
  const stored = await jsonOf(fetch(`${address}/objects`, { method: 'POST', body: 'hello' }));
  expect(stored.digest).toBe(digestOf('hello'));
  const range = await fetch(`${address}/objects/${stored.digest}`, { headers: { range: 'bytes=1-3' } });
  expect([range.status, await range.text()]).toEqual([206, 'ell']);
  const sheet = JSON.stringify({ cells: [{ label: 'an empty place' }] });
  const call = () =>
    fetch(`${address}/functions/contact-sheet`, {
      method: 'POST',
      body: sheet,
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    });
  const made = await call();
  const { action, result } = await jsonOf(made);
  expect([made.status, made.headers.get('x-cache')]).toEqual([200, 'miss']);
  expect((await call()).headers.get('x-cache')).toBe('hit');
  const picture = await fetch(`${address}/objects/${result.outputs.image.digest}`);
  expect(picture.headers.get('content-type')).toBe('image/png');
  const events = await (await fetch(`${address}/runs/${action}/events`)).text();
  expect(events).toContain('event: done');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('ten megabytes are refused while they arrive', async () => {
  const address = await addressOf(start());
  const body = JSON.stringify({ cells: 'a'.repeat(10_000_000) });
  const answer = await fetch(`${address}/functions/contact-sheet`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  expect(answer.status).toBe(413);
  expect((await fetch(`${address}/health`)).status).toBe(200);
});

test('a client that hangs up does not disturb the server', async () => {
  const address = await addressOf(start());
  const controller = new AbortController();
  const call = fetch(`${address}/functions/contact-sheet`, {
    method: 'POST',
    body: JSON.stringify({ cells: [{ label: 'gone' }] }),
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    signal: controller.signal,
  });
  controller.abort();
  await expect(call).rejects.toThrow();
  expect((await fetch(`${address}/health`)).status).toBe(200);
});

test('ends when its parent goes away: by its standard input, and by its channel', async () => {
  const piped = start({ EASEL_SUPERVISED: '1' });
  await addressOf(piped);
  piped.stdin?.end();
  expect(await once(piped, 'exit')).toEqual([0, null]);

  const forked = fork(MAIN, { env: environment({ EASEL_SUPERVISED: '1' }), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  children.push(forked);
  await addressOf(forked);
  forked.disconnect();
  expect(await once(forked, 'exit')).toEqual([0, null]);
});

test('refuses to start in one line that says why', async () => {
  await expect(addressOf(start({ EASEL_HOST: '0.0.0.0' }))).rejects.toThrow(/^easel server: .*EASEL_TOKEN.*\n$/);
  await expect(addressOf(start({ EASEL_STORE: 'folder' }))).rejects.toThrow(
    /^easel server: "folder" does not name a store.*\n$/,
  );
  const address = await addressOf(start());
  const taken = start({ EASEL_PORT: new URL(address).port });
  await expect(addressOf(taken)).rejects.toThrow(/cannot listen .*EASEL_PORT/);
});

const S3_LISTENING = /^S3 endpoint listening on (http:\/\/127\.0\.0\.1:\d+) \(bucket easel\)$/m;

/** All that it says until the line comes. */
function sayingOf(child: ChildProcess, line: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const read = (chunk: Buffer) => {
      said += chunk;
      if (line.test(said)) resolve(said);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(said)));
  });
}

test('a folder store can be browsed by S3, with keys that it keeps and tells nobody', async () => {
  const child = start();
  const said = await sayingOf(child, S3_LISTENING);
  const address = LISTENING.exec(said)?.[1] ?? '';
  const s3 = S3_LISTENING.exec(said)?.[1] ?? '';
  // Whoever looks for the server's address finds that first.
  expect(said.indexOf(address)).toBeLessThan(said.indexOf(s3));
  expect((await jsonOf(fetch(`${address}/health`))).s3).toEqual({ url: s3, bucket: 'easel' });
  await fetch(`${address}/objects`, { method: 'POST', body: 'hello' });
  const { accessKey, secretKey } = (await readS3Keys(`${folder}/store`)) ?? { accessKey: '', secretKey: '' };
  const client = new Client({
    endPoint: '127.0.0.1',
    port: Number(new URL(s3).port),
    useSSL: false,
    accessKey,
    secretKey,
  });
  expect(await text(await client.getObject('easel', blobKey(digestOf('hello'))))).toBe('hello');
  expect((await fetch(`${s3}/easel`)).status).toBe(403);
  expect(said).not.toContain(secretKey);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('a port for S3 that is taken stops the server only when it was asked for', async () => {
  const taken = new URL(await addressOf(start({ EASEL_S3_PORT: 'off' }))).port;
  await expect(addressOf(start({ EASEL_S3_PORT: taken }))).rejects.toThrow(
    /^easel server: the S3 endpoint cannot listen on 127.0.0.1:\d+: .*EADDRINUSE.*EASEL_S3_PORT/,
  );
});

test('another store, or one that is not to be browsed, has no S3 endpoint', async () => {
  for (const extra of [{ EASEL_STORE: 'memory:' }, { EASEL_S3_PORT: 'off' }] as const) {
    const address = await addressOf(start(extra));
    expect((await jsonOf(fetch(`${address}/health`))).s3).toBeUndefined();
  }
});
