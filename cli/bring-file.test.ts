import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bringFile } from './bring-file.ts';

const CONTENT = Buffer.from('weights '.repeat(1000));
const sha256 = createHash('sha256').update(CONTENT).digest('hex');

let folder = '';
let server: Server;
let url = '';
let ranges: (string | undefined)[] = [];
/** Bytes after which the server hangs up. */
let breaksAt = Number.POSITIVE_INFINITY;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-file-'));
  ranges = [];
  breaksAt = Number.POSITIVE_INFINITY;
  server = createServer((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': CONTENT.length - start });
    response.write(CONTENT.subarray(start, Math.min(CONTENT.length, start + breaksAt)), async () => {
      if (start + breaksAt >= CONTENT.length) return response.end();
      // A reset takes away what the client has not read yet.
      await expect.poll(sizeOfPart, { interval: 5 }).toBe(start + breaksAt);
      response.destroy();
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/net.pth`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise(done => server.close(done));
  await rm(folder, { recursive: true, force: true });
});

const sizeOfPart = () =>
  stat(join(folder, 'new', 'net.pth.part')).then(
    ({ size }) => size,
    () => 0,
  );

const bring = (changes: object = {}, options: object = {}) =>
  bringFile({ url, sha256, size: 1, ...changes }, join(folder, 'new'), { log: () => {}, ...options });

it('a file is downloaded once', async () => {
  const { bytes, source, path } = await bring();
  expect([Buffer.from(bytes), source]).toEqual([CONTENT, `${url}, sha256 ${sha256}`]);
  expect(await readFile(path ?? '')).toEqual(CONTENT);
  await bring();
  expect(ranges).toEqual([undefined]);
});

it('a download that broke off goes on where it stopped', async () => {
  breaksAt = 3000;
  await expect(bring()).rejects.toThrow('could not be downloaded');
  breaksAt = Number.POSITIVE_INFINITY;
  expect(Buffer.from((await bring()).bytes)).toEqual(CONTENT);
  expect(ranges).toEqual([undefined, 'bytes=3000-']);
});

it('a file with another sha256 is refused, and the next call begins anew', async () => {
  await expect(bring({ sha256: '0'.repeat(64) })).rejects.toThrow(`has the wrong sha256 ${sha256}`);
  await bring();
  expect(ranges).toEqual([undefined, undefined]);
});

it('a stopped download says why', async () => {
  await expect(bring({}, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
});

it('a file on this machine is taken; another one than the pinned file is named', async () => {
  const [mine, other] = [join(folder, 'mine.pth'), join(folder, 'other.pth')];
  await writeFile(mine, CONTENT);
  await writeFile(other, 'other');
  expect((await bring({}, { file: mine })).source).toBe(`${url}, sha256 ${sha256}`);
  const told: string[] = [];
  const { source, path } = await bring({}, { file: other, log: (line: string) => told.push(line) });
  expect([source.startsWith('a file other.pth, sha256 '), path, told.length]).toEqual([true, undefined, 1]);
  expect(ranges).toEqual([]);
});
