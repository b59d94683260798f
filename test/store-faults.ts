/**
 * @file Observes the real processes when the disk of their store is full, and when it is read-only.
 * store-faults.process.test.ts runs this file in a mount namespace of its own, on a small tmpfs. It prints JSON.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lutimes, readdir, readFile, rm, statfs, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findExperimentFaults } from '../functions/testing/history.ts';
import { startServer } from './site/listening-process.ts';
import { openSite } from './site/open-site.ts';
import { PORTRAITS, smallExperiment } from './site/small-experiment.ts';

const [disk = ''] = process.argv.slice(2);
const folder = join(disk, 'store');
const filler = join(disk, 'filler');
const deadLock = join(folder, '.easel', 'locks', 'dead');

const LAST_STEP = 12;
/** Enough for names, too little for a checkpoint. */
const LEFT_BYTES = 128 << 10;

const place = { url: `file:${folder}`, env: {} };
const site = await openSite({ place });

/** What is printed of an answer. */
async function send(method: string, path: string, body?: unknown) {
  const answer = await site.send(method, path, body);
  return { status: answer.status, body: answer.body };
}

const putBlob = (bytes: number) =>
  fetch(`${site.easel.url}/objects`, { method: 'POST', body: Buffer.alloc(bytes, bytes) }).then(async response => ({
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

const findFaults = (name: string) => site.withStore(store => findExperimentFaults(store, name));

/** What a server prints that starts now, and whether it goes on to listen. */
async function tryServer(): Promise<{ readonly listens: boolean; readonly said: string }> {
  try {
    const server = await startServer({ EASEL_STORE: place.url }, disk);
    await server.stop();
    return { listens: true, said: server.output() };
  } catch (error) {
    return { listens: false, said: error instanceof Error ? error.message : String(error) };
  }
}

const remount = (mode: 'ro' | 'rw') => execFileSync('mount', ['-o', `remount,${mode}`, disk]);

async function create(name: string, chunk_steps: number): Promise<void> {
  const run = { chunk_steps, keep: 1, preview: { prompts: [] } };
  await send('PUT', `/experiments/${name}`, smallExperiment('faces', run, { hidden_size: 64, depth: 2 }, LAST_STEP));
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
  const fullStart = await tryServer();
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
  const readOnlyStart = await tryServer();
  remount('rw');
  const unsealed = await send('POST', '/experiments/sealed/train', {});

  const ends = {
    halfWritten: [...(await findHalfWritten()), ...(await listTemporary())],
    faults: [...(await findFaults('full')), ...(await findFaults('sealed'))],
  };
  console.log(JSON.stringify({ calm, sampled, full, fullStart, freed, readOnly, readOnlyStart, unsealed, ends }));
} finally {
  await site.close();
}
