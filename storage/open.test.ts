import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it, vi } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { openStore } from './open.ts';

it('opens folders, absolute and relative, and memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-open-'));
  for (const url of [`file:${folder}/a`, `file://${folder}/a`, `file:${relative(process.cwd(), folder)}/a`]) {
    const store = await openStore(url);
    expect(store.url).toBe(`file:${folder}/a`);
    await store.put('x', Buffer.from('1'));
    await store.close();
  }
  expect(existsSync(join(folder, 'a/x'))).toBe(true);
  expect((await openStore('memory:')).url).toBe('memory:');
  await rm(folder, { recursive: true });
});

it('names the supported stores in its error', async () => {
  for (const url of ['', 'data/store', 'http://x', 'file:', 'file://host/share', 'memory:x']) {
    await expect(openStore(url), url).rejects.toBeInstanceOf(InvalidInput);
    await expect(openStore(url), url).rejects.toMatchObject({ expected: expect.stringContaining('file:') });
  }
  await expect(openStore('data/store')).rejects.toMatchObject({ hint: 'for a folder, write "file:data/store"' });
});

it('says at once that no folder can be made at a path, and why', async () => {
  const opened = openStore(`file:${import.meta.filename}/store`);
  await expect(opened).rejects.toBeInstanceOf(InvalidInput);
  await expect(opened).rejects.toThrow(/cannot be made: ENOTDIR/);
});

it('opens a bucket, refuses a URL with secrets, and reports a wrong bucket at once', async () => {
  await expect(openStore('s3://key:secret@bucket')).rejects.toThrow('contains credentials');
  await expect(openStore('S3://bucket?secret_key=x')).rejects.toThrow('unknown parameter "secret_key"');
  const server = createServer((_, response) => {
    response.writeHead(404).end('<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  await expect(openStore(`s3://nowhere?endpoint=http://127.0.0.1:${port}`)).rejects.toThrow(
    `there is no bucket "nowhere" at http://127.0.0.1:${port}`,
  );
  vi.unstubAllEnvs();
  server.close();
});
