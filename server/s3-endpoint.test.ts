import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readS3Keys } from '../configs/s3-keys.ts';
import { openFileStore } from '../storage/drivers/file/file-store.ts';
import type { ObjectStore } from '../storage/types.ts';
import { startS3 } from './s3-endpoint.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-s3-'));
  store = await openFileStore(folder);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

test('if another server has the default port, the server runs without S3 endpoint and says so', async () => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const env = { host: '127.0.0.1', port: 8787, s3: { port, explicit: false } };
  const { endpoint, line } = await startS3(store, env);
  expect(endpoint).toBeUndefined();
  expect(line).toMatch(/^no S3 endpoint: .*EADDRINUSE.*EASEL_S3_PORT/);
  await expect(startS3(store, { ...env, s3: { port, explicit: true } })).rejects.toThrow('cannot listen');
  other.close();
});

test('an S3 endpoint that other machines can reach needs keys from the environment', async () => {
  const s3 = { port: 0, explicit: false };
  const { endpoint, line } = await startS3(store, { host: '0.0.0.0', port: 8787, s3 });
  expect([endpoint, line]).toEqual([undefined, expect.stringContaining('EASEL_S3_ACCESS_KEY')]);
  expect(await readS3Keys(folder)).toBeUndefined();
  const keys = { accessKey: 'access', secretKey: 'a-secret-of-enough-length' };
  const open = await startS3(store, { host: '0.0.0.0', port: 8787, s3: { ...s3, keys } });
  expect(open.line).toMatch(/^S3 endpoint listening on http:\/\/0\.0\.0\.0:\d+ \(bucket easel\)$/);
  expect(await readS3Keys(folder)).toBeUndefined();
  await open.endpoint?.close();
});
