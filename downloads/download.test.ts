import { createHash } from 'node:crypto';
import { mkdtemp, open as openFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { StoreFull } from '../errors.ts';
import { type DownloadOptions, type DownloadProgress, FileChanged, openDownload } from './download.ts';
import { type FileServer, serveFile } from './testing/file-server.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
/** Far apart, so that they are two requests. */
const BIG = Buffer.concat([CONTENT, Buffer.alloc(2 ** 21), CONTENT]);

let folder = '';
let server: FileServer;
let waits: number[] = [];
let lines: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-download-'));
  server = await serveFile(CONTENT);
  const kept = () => stat(join(folder, 'file', 'data')).then(({ size }) => size);
  server.hasKept = bytes => expect.poll(kept, { interval: 5 }).toBe(bytes);
  [waits, lines] = [[], []];
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (more: Partial<DownloadOptions> = {}) =>
  openDownload({
    url: server.url,
    folder: join(folder, 'file'),
    signal: new AbortController().signal,
    log: line => lines.push(line),
    ...more,
    system: { wait: async ms => void waits.push(ms), freeBytes: async () => 1e12, ...more.system },
  });

test('a whole file arrives with its digest, and a second call asks the server nothing', async () => {
  const seen: DownloadProgress[] = [];
  const first = await open({ onProgress: progress => seen.push(progress) });
  await first.bring();
  expect(await first.digest()).toBe(SHA256);
  expect(first.facts()).toMatchObject({ size: CONTENT.length, etag: '"one"' });
  expect(seen.at(-1)).toMatchObject({ done: CONTENT.length, total: CONTENT.length });
  await first.close();
  const second = await open();
  await second.bring();
  expect(await second.digest()).toBe(SHA256);
  await second.discard();
  expect(server.asked).toHaveLength(1);
  expect(await readdir(folder)).toEqual([]);
});

test('cut connections go on where they ended, with the version of the file, after waits', async () => {
  server.cuts = [100_000, 50_000, 0];
  const download = await open();
  await download.bring();
  expect(await download.digest()).toBe(SHA256);
  await download.close();
  expect(server.asked.map(({ range, ifRange }) => [range, ifRange])).toEqual([
    [undefined, undefined],
    ['bytes=100000-299999', '"one"'],
    ['bytes=150000-299999', '"one"'],
    ['bytes=150000-299999', '"one"'],
  ]);
  expect(waits).toHaveLength(3);
});

test('a killed download goes on in another process, and a damaged state begins anew', async () => {
  server.cuts = Array.from({ length: 9 }, (_, i) => (i === 0 ? 120_000 : 0));
  const first = await open();
  await expect(first.bring()).rejects.toThrow('could not be downloaded');
  await first.close();
  server.cuts = [];
  server.asked.length = 0;
  const second = await open();
  await second.bring();
  expect(await second.digest()).toBe(SHA256);
  expect(server.asked).toMatchObject([{ range: 'bytes=120000-299999' }]);
  await second.close();
  await writeFile(join(folder, 'file', 'state.json'), '{"v":1,"url":');
  const third = await open();
  await third.bring();
  expect(await third.digest()).toBe(SHA256);
  await third.close();
  expect(server.asked.at(-1)?.range).toBeUndefined();
});

test('a file that changed meanwhile begins anew, and says so', async () => {
  server.cuts = [100_000];
  const download = await open({
    system: {
      async wait() {
        server.content = Buffer.from('another file');
        server.etag = '"two"';
      },
    },
  });
  await download.bring();
  expect(await download.read({ start: 0, end: 12 })).toEqual(Buffer.from('another file'));
  expect(lines).toEqual([`${server.url} has changed since the last answer: its download begins anew`]);
  await download.close();
});

test('only the wanted ranges are fetched, close ones together; ranges of a changed file are refused', async () => {
  server.content = BIG;
  const download = await open();
  await download.bring([{ start: 0, end: 1000 }]);
  await download.bring([
    { start: 500, end: 2000 },
    { start: 4000, end: 5000 },
    { start: BIG.length - 100, end: BIG.length + 50 },
  ]);
  expect(server.asked.map(({ range }) => range)).toEqual([
    'bytes=0-999',
    'bytes=1000-4999',
    `bytes=${BIG.length - 100}-${BIG.length - 1}`,
  ]);
  expect(await download.read({ start: 4000, end: 5000 })).toEqual(CONTENT.subarray(4000, 5000));
  server.content = CONTENT;
  server.etag = '"two"';
  await expect(download.bring([{ start: 200_000, end: 200_010 }])).rejects.toThrow(FileChanged);
  await download.close();
});

test('a server without ranges sends the whole file', async () => {
  server.hasRanges = false;
  const download = await open();
  await download.bring([{ start: 10, end: 20 }]);
  expect(await download.read({ start: 10, end: 20 })).toEqual(CONTENT.subarray(10, 20));
  await download.close();
});

test('an answer with another range than the asked one is refused', async () => {
  server.contentRange = 'bytes 7-1006/300000';
  const download = await open();
  await expect(download.bring([{ start: 0, end: 1000 }])).rejects.toThrow('answered the range "bytes 7-1006/300000"');
  await download.close();
});

test('401 and 403 name the token, 404 is final, 429 and 503 are waited for', async () => {
  for (const [refusal, token, message, hint] of [
    [401, undefined, 'the answer is 401', 'start the server with HF_TOKEN'],
    [403, 'hf_x', 'the answer is 403', 'with the account of HF_TOKEN'],
    [404, undefined, 'the answer is 404', undefined],
  ] as const) {
    server.refusals = [{ status: refusal }];
    const download = await open({ token });
    const error = await download.bring().catch(thrown => thrown);
    expect(error.message).toContain(message);
    if (hint !== undefined) expect(error.hint).toContain(hint);
    await download.close();
  }
  server.refusals = [{ status: 429, headers: { 'retry-after': '7' } }, { status: 503 }];
  const download = await open();
  await download.bring();
  expect(waits[0]).toBe(7000);
  expect(waits[1]).toBeGreaterThan(0);
  await download.close();
});

test('a redirect to another host gets no token; its own refusal is asked for anew', async () => {
  const other = await serveFile(CONTENT, '/signed');
  server.redirect = other.url;
  server.headers = { 'x-linked-etag': `"${SHA256}"` };
  other.refusals = [{ status: 403 }];
  const download = await open({ token: 'hf_secret', sha256: SHA256 });
  await download.bring();
  expect(await download.digest()).toBe(SHA256);
  expect(download.facts().claimed).toBe(SHA256);
  expect(server.asked.map(({ authorization }) => authorization)).toEqual(['Bearer hf_secret', 'Bearer hf_secret']);
  expect(other.asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  await download.close();
  await other.close();
});

test('redirects without end, or away from https, are refused', async () => {
  server.redirect = server.url;
  const download = await open();
  await expect(download.bring()).rejects.toThrow('redirects more than 8 times');
  const answer = async () => new Response(null, { status: 302, headers: { location: 'http://plain.example/x' } });
  const safe = await open({ url: 'https://safe.example/x', folder: join(folder, 'safe'), system: { fetch: answer } });
  await expect(safe.bring()).rejects.toThrow('redirects to http://plain.example');
  await Promise.all([download.close(), safe.close()]);
});

test('a host that names another sha256 is refused before a byte is written', async () => {
  server.headers = { 'x-linked-etag': `"${SHA256}"` };
  const download = await open({ sha256: '0'.repeat(64) });
  await expect(download.bring()).rejects.toThrow(`has another file at ${server.url}: its sha256 is ${SHA256}`);
  await download.close();
});

test('a disk without room is found before the first byte, a full one while writing; both go on later', async () => {
  const poor = await open({ system: { freeBytes: async () => 1e6 } });
  await expect(poor.bring()).rejects.toThrow(StoreFull);
  await poor.close();
  expect((await readFile(join(folder, 'file', 'data'))).length).toBe(0);
  const probe = await openFile(join(folder, 'probe'), 'w');
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  vi.spyOn(Object.getPrototypeOf(probe), 'write').mockRejectedValueOnce(full);
  await probe.close();
  const filled = await open();
  await expect(filled.bring()).rejects.toThrow('is full');
  await filled.close();
  const rich = await open();
  await rich.bring();
  expect(await rich.digest()).toBe(SHA256);
  await rich.close();
});

test('a silent server is left, and a stopped download gives the reason of its signal', async () => {
  server.isSilent = true;
  const silent = await open({ system: { silenceMs: 20 } });
  await expect(silent.bring()).rejects.toThrow('could not be downloaded: the server fell silent');
  await silent.close();
  const stop = new AbortController();
  const stopped = await open({ signal: stop.signal, folder: join(folder, 'stopped') });
  const brought = stopped.bring();
  await expect.poll(() => server.asked.length).toBe(7);
  stop.abort(new Error('enough'));
  await expect(brought).rejects.toThrow('enough');
  await stopped.close();
});
