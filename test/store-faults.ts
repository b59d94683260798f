/**
 * @file Observes the real processes when the disk of their store is full, and when it is read-only.
 * store-faults.process.test.ts runs this file in a mount namespace of its own, on a small tmpfs. It prints JSON.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lutimes, readdir, readFile, rm, statfs, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEasel } from '../cli/up.ts';
import { findExperimentFaults } from '../functions/testing/history.ts';
import { openStore } from '../storage/open.ts';

const [disk = ''] = process.argv.slice(2);
const folder = join(disk, 'store');
const filler = join(disk, 'filler');
const deadLock = join(folder, '.easel', 'locks', 'dead');

const PORTRAITS = { dataset: 'faces', source: 'portraits', count: 10, size: 32, seed: 1 };
const CONFIG = {
  model: { hidden_size: 64, depth: 2, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 },
  optimizer: { total_samples: 96, warmup_samples: 16 },
  data: { batch_size: 8 },
};
const run = (chunk_steps: number) => ({ chunk_steps, keep: 1, preview: { prompts: [] } });
/** Enough for names, too little for a checkpoint. */
const LEFT_BYTES = 128 << 10;

const easel = await startEasel({ store: `file:${folder}`, port: 0, device: `faults-${process.pid}` });

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire
  readonly body: any;
}

async function send(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { accept: 'application/json', prefer: 'wait=60' };
  const given = body === undefined ? {} : { body: JSON.stringify(body), type: { 'content-type': 'application/json' } };
  const response = await fetch(easel.url + path, {
    method,
    headers: { ...headers, ...given.type },
    ...(given.body !== undefined && { body: given.body }),
  });
  return { status: response.status, body: await response.json() };
}

const putBlob = (bytes: number) =>
  fetch(`${easel.url}/objects`, { method: 'POST', body: Buffer.alloc(bytes, bytes) }).then(async response => ({
    status: response.status,
    body: await response.json(),
  }));

/** Everything but so many bytes. */
async function fill(left: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - left)));
}

/** What is still there when what was under way has ended. */
async function listTemporary(): Promise<readonly string[]> {
  for (const deadline = performance.now() + 10_000; ; ) {
    const names = await readdir(join(folder, '.easel', 'tmp'));
    if (names.length === 0 || performance.now() > deadline) return names;
    await sleep(100);
  }
}

/** Blobs whose bytes are not what their name says. */
async function findHalfWritten(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, 'cas'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const hash = createHash('sha256').update(await readFile(join(entry.parentPath, entry.name)));
    if (hash.digest('hex') !== entry.name) found.push(entry.name);
  }
  return found;
}

async function findFaults(name: string): Promise<readonly string[]> {
  const store = await openStore(`file:${folder}`);
  return findExperimentFaults(store, name);
}

/** What a server says that is started now: its lines, and whether it went on to listen. */
async function startServer(): Promise<{ readonly listens: boolean; readonly said: string }> {
  const server = spawn(process.execPath, [fileURLToPath(new URL('../server/main.ts', import.meta.url))], {
    env: { PATH: process.env.PATH, EASEL_STORE: `file:${folder}`, EASEL_PORT: '0', EASEL_CACHE: disk },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const closed = once(server, 'close');
  for (const stream of [server.stdout, server.stderr]) {
    stream.on('data', chunk => {
      said += chunk;
      if (/listening on/.test(said)) server.kill('SIGTERM');
    });
  }
  await closed;
  return { listens: /listening on/.test(said), said };
}

const remount = (mode: 'ro' | 'rw') => execFileSync('mount', ['-o', `remount,${mode}`, disk]);

async function create(name: string, chunkSteps: number): Promise<void> {
  await send('PUT', `/experiments/${name}`, {
    config: { ...CONFIG, run: run(chunkSteps) },
    dataset: 'faces',
    engine: 'onnxruntime/cpu',
  });
}

try {
  await send('POST', '/functions/prepare', PORTRAITS);
  // However it is cut into chunks, the end is the same, and the chunks are other actions.
  await create('calm', 12);
  const calm = await send('POST', '/experiments/calm/train', {});
  const sampling = { model: 'calm', prompt: 'a smiling person', steps: 2 };
  const sampled = await send('POST', '/sample', sampling);

  await create('full', 4);
  await fill(LEFT_BYTES);
  const full = {
    train: await send('POST', '/experiments/full/train', {}),
    put: await putBlob(2 * LEFT_BYTES),
    hit: await send('POST', '/sample', sampling),
    read: await send('GET', '/experiments/full'),
    halfWritten: [...(await findHalfWritten()), ...(await listTemporary())],
    faults: await findFaults('full'),
  };
  await truncate(filler, 0);
  await fill(0);
  const fullStart = await startServer();
  await rm(filler);
  const freed = await send('POST', '/experiments/full/train', {});

  await create('sealed', 6);
  // Nothing that can be tidied up only later may keep anybody from opening the store.
  await symlink('left behind', deadLock);
  await lutimes(deadLock, 0, 0);
  remount('ro');
  const readOnly = {
    train: await send('POST', '/experiments/sealed/train', {}),
    put: await putBlob(1000),
    hit: await send('POST', '/sample', sampling),
    read: await send('GET', `/experiments/calm`),
  };
  const readOnlyStart = await startServer();
  remount('rw');
  const unsealed = await send('POST', '/experiments/sealed/train', {});

  const ends = {
    halfWritten: [...(await findHalfWritten()), ...(await listTemporary())],
    faults: [...(await findFaults('full')), ...(await findFaults('sealed'))],
  };
  console.log(JSON.stringify({ calm, sampled, full, fullStart, freed, readOnly, readOnlyStart, unsealed, ends }));
} finally {
  await easel.stop();
}
