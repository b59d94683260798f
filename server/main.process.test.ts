import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'minio';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readS3Keys } from '../configs/s3-keys.ts';
import { digestOf } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { type ListeningProcess, startServer } from '../test/site/listening-process.ts';
import { jsonOf } from './testing/server.ts';

let folder: string;
const servers: ListeningProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-server-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

async function start(env: Readonly<Record<string, string>> = {}, hasChannel = false): Promise<ListeningProcess> {
  const server = await startServer({ EASEL_STORE: `file:${folder}/store`, ...env }, folder, hasChannel);
  servers.push(server);
  return server;
}

test('a server serves over a socket and stops in good order', async () => {
  const server = await start();
  const address = server.url;
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
  await server.stop();
  expect(await server.ended).toBe(0);
});

test('a body of ten megabytes is refused while it arrives', async () => {
  const { url: address } = await start();
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
  const { url: address } = await start();
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

test('a supervised server ends when its parent goes away', async () => {
  const piped = await start({ EASEL_SUPERVISED: '1' });
  piped.child.stdin?.end();
  expect(await piped.ended).toBe(0);

  const forked = await start({ EASEL_SUPERVISED: '1' }, true);
  forked.child.disconnect();
  expect(await forked.ended).toBe(0);
});

test('a server that cannot start says why in one line', async () => {
  await expect(start({ EASEL_HOST: '0.0.0.0' })).rejects.toThrow(/^exit 1: easel server: .*EASEL_TOKEN.*\n$/);
  await expect(start({ EASEL_STORE: 'folder' })).rejects.toThrow(
    /^exit 1: easel server: "folder" does not name a store.*\n$/,
  );
  const { url } = await start();
  await expect(start({ EASEL_PORT: new URL(url).port })).rejects.toThrow(/cannot listen .*EASEL_PORT/);
});

test('S3 clients can browse a folder store, with keys that only the store has', async () => {
  const server = await start();
  const { url: address } = server;
  const [, s3 = ''] = await server.waitFor(/^S3 endpoint listening on (http:\/\/127\.0\.0\.1:\d+) \(bucket easel\)$/m);
  const said = server.output();
  // A script that looks for the server's address finds this line first.
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
  await server.stop();
  expect(await server.ended).toBe(0);
});

test('a taken S3 port stops the server only if EASEL_S3_PORT names the port', async () => {
  const taken = new URL((await start({ EASEL_S3_PORT: 'off' })).url).port;
  await expect(start({ EASEL_S3_PORT: taken })).rejects.toThrow(
    /^exit 1: easel server: the S3 endpoint cannot listen on 127.0.0.1:\d+: .*EADDRINUSE.*EASEL_S3_PORT/,
  );
});

test('a store in memory has no S3 endpoint, nor has a folder with EASEL_S3_PORT=off', async () => {
  for (const extra of [{ EASEL_STORE: 'memory:' }, { EASEL_S3_PORT: 'off' }] as const) {
    const { url } = await start(extra);
    expect((await jsonOf(fetch(`${url}/health`))).s3).toBeUndefined();
  }
});
