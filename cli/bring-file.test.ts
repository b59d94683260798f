import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FileServer, serveFile } from '../downloads/testing/file-server.ts';
import { bringFile } from './bring-file.ts';

const CONTENT = Buffer.from('weights '.repeat(1000));
const sha256 = createHash('sha256').update(CONTENT).digest('hex');

let folder = '';
let server: FileServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-file-'));
  server = await serveFile(CONTENT, '/models/net.pth');
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const bring = (changes: object = {}, options: object = {}) =>
  bringFile({ url: server.url, sha256, size: 1, ...changes }, join(folder, 'new'), { log: () => {}, ...options });

it('a file is downloaded once', async () => {
  const { bytes, source, path } = await bring();
  expect([Buffer.from(bytes), source]).toEqual([CONTENT, `${server.url}, sha256 ${sha256}`]);
  expect(await readFile(path ?? '')).toEqual(CONTENT);
  await bring();
  expect(server.asked).toHaveLength(1);
});

it('a download that broke off goes on where it stopped, also in another call', async () => {
  const part = join(folder, 'new', 'net.pth.download', 'data');
  server.cuts = [3000];
  const stop = new AbortController();
  server.hasKept = async bytes => {
    await expect.poll(async () => (await stat(part)).size, { interval: 5 }).toBe(bytes);
    stop.abort(new Error('stop'));
  };
  await expect(bring({}, { signal: stop.signal })).rejects.toThrow('stop');
  expect(Buffer.from((await bring()).bytes)).toEqual(CONTENT);
  expect(server.asked.map(({ range }) => range)).toEqual([undefined, 'bytes=3000-7999']);
});

it('a file with another sha256 is refused, and the next call begins anew', async () => {
  await expect(bring({ sha256: '0'.repeat(64) })).rejects.toThrow(`has the wrong sha256 ${sha256}`);
  await bring();
  expect(server.asked.map(({ range }) => range)).toEqual([undefined, undefined]);
});

it('a stopped download says why', async () => {
  await expect(bring({}, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
});

it('a file on this machine is taken; another one than the pinned file is named', async () => {
  const [mine, other] = [join(folder, 'mine.pth'), join(folder, 'other.pth')];
  await writeFile(mine, CONTENT);
  await writeFile(other, 'other');
  expect((await bring({}, { file: mine })).source).toBe(`${server.url}, sha256 ${sha256}`);
  const told: string[] = [];
  const { source, path } = await bring({}, { file: other, log: (line: string) => told.push(line) });
  expect([source.startsWith('a file other.pth, sha256 '), path, told.length]).toEqual([true, undefined, 1]);
  expect(server.asked).toEqual([]);
});
