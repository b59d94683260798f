import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../configs/parse.ts';
import { createExecutor, type Executor } from '../functions/execution/executor.ts';
import { registry } from '../functions/registry.ts';
import { inlinePool } from '../functions/testing/inline-pool.ts';
import { createFakeRunner, putToyDataset, TOY_CONFIG } from '../functions/testing/training.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { openFileStore } from '../storage/drivers/file/file-store.ts';
import { LIFETIMES } from '../storage/gc/lifetimes.ts';
import type { ObjectStore } from '../storage/types.ts';
import { createApp, ROUTES } from './app.ts';
import { parseEnv } from './env.ts';
import { openApiPath } from './openapi.ts';
import { findLeaks, type Secret } from './testing/leaks.ts';

let folder: string;
let store: ObjectStore;
let executor: Executor;
let app: ReturnType<typeof createApp>;
let secrets: readonly Secret[];
/** What came back, of all calls. */
const leaks: string[] = [];
let answers = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-leaks-'));
  store = await openFileStore(join(folder, 'disk/store'));
  const blobs = createBlobStore(store, LIFETIMES);
  const runner = createFakeRunner(blobs);
  executor = createExecutor({
    ...{ store, blobs, registry, runner, pool: inlinePool, clock: SYSTEM_CLOCK, lifetimes: LIFETIMES },
    importRoots: [join(folder, 'pictures')],
  });
  const env = parseEnv({ EASEL_STORE: `file:${join(folder, 'disk/store')}` }, folder);
  app = createApp({ store, blobs, runner, executor, env, clock: SYSTEM_CLOCK }, { log: () => {} });
  secrets = [
    { text: join(folder, 'disk'), what: 'a path of the store' },
    { text: process.cwd(), what: 'the path of the program' },
    { text: homedir() === '/' ? '/root' : homedir(), what: 'the home folder' },
    { text: 'node_modules', what: 'a path of a package' },
    { text: '.easel', what: 'a file of the store that is no object' },
  ];
  await send('PUT', '/datasets/toy', { dataset: await putToyDataset(blobs) });
  const config = { config: TOY_CONFIG, dataset: 'toy', engine: 'reference' };
  expect(await send('PUT', '/experiments/toy', config)).toBe(201);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Sends a call and notes what its answer leaks; the caller's own words may come back. */
async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const raw =
    method === 'GET'
      ? undefined
      : body instanceof Uint8Array
        ? body
        : body === undefined
          ? undefined
          : Buffer.from(JSON.stringify(body));
  const answer = await app.request(path, {
    method,
    headers: { ...(raw && { 'content-type': 'application/json' }), prefer: 'wait=20', ...headers },
    ...(raw && { body: new Uint8Array(raw) }),
  });
  const said = `${JSON.stringify([...answer.headers])}\n${Buffer.from(await answer.arrayBuffer()).toString('latin1')}`;
  const text = Buffer.from(said, 'latin1').toString('utf8');
  answers++;
  // It tells the operator where the store is.
  if (path.startsWith('/health')) return answer.status;
  // A stored picture may have any bytes.
  if (/"image\/|octet-stream/.test(text.slice(0, 400))) return answer.status;
  const own = raw ? [join(folder, 'pictures'), folderOf(body)] : [];
  for (const leak of findLeaks(text, secrets, own))
    leaks.push(`${method} ${path} ${raw?.toString().slice(0, 200)}: ${leak}`);
  return answer.status;
}

/** The folder that the caller names. */
function folderOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'folder' in body ? String(body.folder) : '';
}

/** Fails with what the calls since the last time have leaked. */
function expectNoLeaks(atLeast: number): void {
  expect(leaks.splice(0)).toEqual([]);
  expect(answers).toBeGreaterThanOrEqual(atLeast);
  answers = 0;
}

const NOBODY = `sha256:${'0'.repeat(64)}`;
const NAMES = [
  'toy',
  'nobody',
  'UPPER',
  '..',
  '%2e%2e%2f%2e%2e',
  '%00',
  '%FF%FE',
  '%E9',
  'a%2Fb',
  'x'.repeat(300),
  '%F0%9F',
  NOBODY,
];
const QUERIES = ['', '?after=-1', '?after=%FF', '?limit=1e9', '?skipCache=perhaps', '?force=%E9', '?wait=x'];
const HEADERS = [
  { prefer: 'wait=forever' },
  { range: 'bytes=9-1' },
  { 'if-match': '"caf\u00e9"' },
  { 'last-event-id': '\u00ff' },
  { accept: 'text/\u00e9' },
  { 'content-type': 'text/plain; charset=\u00e9' },
];

test('no path, query or header brings a path of the server, broken text or words of the parser', async () => {
  for (const { method, path } of ROUTES) {
    const names = path.includes(':') ? NAMES : [''];
    for (const name of names) {
      const filled = path.replaceAll(/:\w+/g, name);
      await send(method.toUpperCase(), filled);
      if (name === 'toy') for (const query of QUERIES) await send(method.toUpperCase(), filled + query, {});
    }
    for (const headers of HEADERS) await send(method.toUpperCase(), path.replaceAll(/:\w+/g, 'toy'), {}, headers);
  }
  expectNoLeaks(400);
});

const TEXTS = [
  '',
  '{',
  '[]',
  '"text"',
  'null',
  '7',
  '{"a":1,"a":2}',
  '{"__proto__":{"a":1}}',
  '{"config":"caf\u00e9"}',
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
];
const BYTES = ['fffe7b007d00', '7b22636f6e666967223a22ff227d', 'efbbbf7b7d', 'c328', '00'].map(hex =>
  Buffer.from(hex, 'hex'),
);

/** Wrong values for any key. */
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  1.5,
  2 ** 53,
  '',
  '\ud800',
  'caf\u00e9 \u0000',
  '/etc/passwd',
  'file:///etc',
  '../../..',
  NOBODY,
  'sha256:short',
  'x'.repeat(5000),
  [],
  [null],
  {},
  { a: { b: [1] } },
];

/** Every body that differs from the example in one key, or has one more. */
function* changeBody(example: unknown): Generator<unknown> {
  const body = typeof example === 'object' && example !== null ? example : {};
  for (const key of [...Object.keys(body), 'nonsense']) {
    for (const value of VALUES) yield { ...body, [key]: value };
  }
  for (const key of Object.keys(body))
    yield Object.fromEntries(Object.entries(body).filter(([other]) => other !== key));
}

const CALLS = [
  ...ROUTES.filter(({ body, method }) => body || method === 'post' || method === 'put').map(
    ({ method, path, example }) => ({
      ...{ method: method.toUpperCase(), path: openApiPath(path).replaceAll(/\{\w+\}/g, 'toy'), example },
    }),
  ),
  // Without a folder there is nothing that these could read.
  ...registry.map(fn => ({ method: 'POST', path: `/functions/${fn.name}`, example: fn.example as unknown })),
];

test.each(CALLS)(
  'no body of $method $path brings a path of the server, broken text or words of the parser',
  async call => {
    const { method, path, example } = call;
    for (const text of TEXTS) await send(method, path, Buffer.from(text));
    for (const bytes of BYTES) await send(method, path, bytes);
    // Portraits take long to draw.
    for (const body of changeBody(
      JSON.parse(
        JSON.stringify({ ...(example as object), ...('count' in { ...(example as object) } && { count: 1 }) }),
      ),
    )) {
      await send(method, path, body, { prefer: 'wait=5' });
    }
    expectNoLeaks(15);
  },
);

/** The keys of a config, as paths. */
function listKeys(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([key, each]) => listKeys(each, [...path, key]))];
}

test('no wrong value in a config brings a path of the server, broken text or words of the parser', async () => {
  const conditions = {
    text: { encoder: 'words', dim: 192, tokens: 64 },
    patches: { encoder: 'dct', dim: 27, stride: 8 },
  };
  const whole = parseConfig({ model: { conditions }, objective: { losses: { flow_matching: { weight: 1 } } } });
  for (const path of listKeys(whole).slice(1)) {
    for (const value of VALUES) {
      const config = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
      await send('PUT', '/experiments/wrong', { config, dataset: 'toy', engine: 'reference' });
    }
  }
  expectNoLeaks(1000);
});

/** Files and folders that cannot be read, or not as they are named. */
async function makeFolder(): Promise<string> {
  const root = join(folder, 'pictures');
  const latin = Buffer.from('caf\u00e9', 'latin1');
  await mkdir(join(root, 'good'), { recursive: true });
  await mkdir(Buffer.concat([Buffer.from(`${root}/`), latin]));
  await writeFile(Buffer.concat([Buffer.from(`${root}/`), latin, Buffer.from('/a.png')]), 'no picture');
  await writeFile(Buffer.concat([Buffer.from(`${root}/`), latin, Buffer.from('.txt')]), 'text');
  await writeFile(join(root, 'utf16.txt'), Buffer.from('\ufeffa fox', 'utf16le'));
  await writeFile(join(root, 'latin1.txt'), Buffer.from('caf\u00e9', 'latin1'));
  await writeFile(join(root, 'broken.png'), Buffer.from('89504e470d0a1a0a00', 'hex'));
  await writeFile(join(root, 'page.jpg'), '<html></html>');
  await writeFile(join(root, 'metadata.jsonl'), '{"file_name": 7}\n\u0000{');
  await symlink('/nowhere/at/all', join(root, 'lost.png'));
  await symlink(root, join(root, 'circle'));
  const { encodePng } = await import('../functions/pictures/image.ts');
  const good = await encodePng({ data: new Uint8Array(64 * 64 * 3).fill(90), width: 64, height: 64 });
  for (const name of ['good/a.png', 'utf16.png', 'latin1.png']) await writeFile(join(root, name), good);
  return root;
}

test('no folder brings a path of the server, broken text or words of the parser', async () => {
  const root = await makeFolder();
  const folders = [
    root,
    join(root, 'good'),
    join(root, 'nothing'),
    join(root, 'circle/circle'),
    join(root, 'broken.png'),
    '/etc',
    '~',
    '.',
    '\u0000',
    '',
    '/proc/self/root',
    join(folder, 'disk'),
  ];
  for (const each of folders) {
    for (const missing_captions of ['empty', 'error']) {
      await send('POST', '/functions/prepare', { dataset: 'odd', folder: each, missing_captions });
    }
    await send('POST', '/functions/import', { dataset: 'odd2', folder: each });
  }
  for (const path of ['/datasets/odd', '/datasets/odd/items', '/datasets', '/datasets/odd2/items'])
    await send('GET', path);
  for await (const key of listViews()) {
    const stored = await store.get(key);
    for (const leak of findLeaks(Buffer.from(stored?.body ?? []).toString('utf8'), secrets, []))
      leaks.push(`${key}: ${leak}`);
  }
  expectNoLeaks(30);
});

/** The pages and documents of the view that people read. */
async function* listViews(): AsyncGenerator<string> {
  const { objects } = await store.list('datasets/odd/');
  for (const { key } of objects) if (/\.(html|json|md|jsonl)$/.test(key)) yield key;
}

test('a leak is found as bytes, as JSON and behind the words of the caller', () => {
  expect(findLeaks('caf\uFFFD', [])).toHaveLength(1);
  expect(findLeaks('{"detail":"caf\\ufffd"}', [])).toHaveLength(1);
  expect(findLeaks('/a: Invalid input', [])).toHaveLength(1);
  const secret = [{ text: '/srv/easel', what: 'the store' }];
  expect(findLeaks('"/srv/easel/refs" is a folder', secret)).toEqual(['the store: "/srv/easel/refs" is a folder']);
  expect(findLeaks('no folder /srv/easel/mine', secret, ['/srv/easel/mine'])).toEqual([]);
});
