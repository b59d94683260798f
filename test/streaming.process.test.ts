/** @file Large blobs through a real server: in constant memory, whole or not at all. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchBlob, makePieces, postBlob } from '../bench/store/blob-transfer.ts';
import { parseDigest } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { type ListeningProcess, startServer } from './site/listening-process.ts';

const MIB = 1 << 20;
/** What buffers, their garbage and the code of the first transfer take. */
const MAX_GROWTH = 192 * MIB;

let folder: string;
let server: ListeningProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-streaming-'));
  server = await startServer({ EASEL_STORE: `file:${folder}/store` }, folder);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const listTemporary = () => readdir(join(folder, 'store/.easel/tmp'));

// Other systems do not tell a process's peak.
test.runIf(platform() === 'linux')(
  'a blob of 400 MiB passes through the server in little memory',
  async () => {
    const idle = await server.readPeakBytes();
    const digest = await postBlob(server.url, 400, 1);
    expect((await server.readPeakBytes()) - idle).toBeLessThan(MAX_GROWTH);
    expect(await listTemporary()).toEqual([]);
    expect(await fetchBlob(server.url, digest)).toEqual({ bytes: 400 * MIB, digest });
    expect((await server.readPeakBytes()) - idle).toBeLessThan(MAX_GROWTH);
  },
  120_000,
);

test('a client that goes away during an upload leaves no file behind', async () => {
  const sending = request(`${server.url}/objects`, { method: 'POST', headers: { 'content-length': 64 * MIB } });
  sending.on('error', () => {});
  for await (const piece of makePieces(8, 2)) if (!sending.write(piece)) await once(sending, 'drain');
  await expect.poll(listTemporary).toHaveLength(1);
  sending.destroy();
  await expect.poll(listTemporary, { timeout: 20_000 }).toEqual([]);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test('a body that is too large is refused by its announced length, before it is sent', async () => {
  const sending = request(`${server.url}/objects`, { method: 'POST', headers: { 'content-length': 1024 * MIB + 1 } });
  sending.on('error', () => {});
  sending.flushHeaders();
  const [answer] = await once(sending, 'response');
  expect(answer.statusCode).toBe(413);
  sending.destroy();
});

test('a damaged blob never arrives whole', async () => {
  const digest = await postBlob(server.url, 9, 3);
  const path = join(folder, 'store', blobKey(parseDigest(digest)));
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(MIB) ^ 1, MIB);
  await rm(path);
  await writeFile(path, bytes);
  await expect(fetchBlob(server.url, digest)).rejects.toThrow('aborted');
});
