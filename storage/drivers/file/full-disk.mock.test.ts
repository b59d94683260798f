import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StoreFull } from '../../../errors.ts';
import { SYSTEM_CLOCK } from '../../clock.ts';
import { digestOf } from '../../digest.ts';
import { blobKey } from '../../keys.ts';
import type { SmallDisk } from '../../testing/full-disk.ts';
import type { ObjectStore } from '../../types.ts';
import { openFileStore } from './file-store.ts';

const disk = await vi.hoisted(async (): Promise<SmallDisk> => {
  const { SmallDisk } = await import('../../testing/full-disk.ts');
  return new SmallDisk();
});
vi.mock('node:fs/promises', async importOriginal => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  return { ...real, ...disk.wrap(real) };
});

const RESERVE_BYTES = 2 ** 20;
const REF = 'refs/experiments/faces.json';

let store: ObjectStore;
/** Milliseconds that the clock is ahead. */
let ahead: number;

beforeEach(async () => {
  const endless = Number.POSITIVE_INFINITY;
  [disk.root, disk.capacity, disk.inodes, disk.code, ahead] = ['', endless, endless, 'ENOSPC', 0];
  const folder = await mkdtemp(join(tmpdir(), 'easel-full-'));
  const clock = { ...SYSTEM_CLOCK, monotonic: () => SYSTEM_CLOCK.monotonic() + ahead };
  store = await openFileStore(folder, { clock });
  disk.root = folder;
});

afterEach(async () => {
  await store.close();
  await rm(disk.root, { recursive: true });
});

const document = (size: number, letter = 'a') => Buffer.from(letter.repeat(size));
const reserve = () => readdirSync(join(disk.root, '.easel/reserve')).length;

function putBlob(size: number, letter = 'a'): Promise<unknown> {
  const body = document(size, letter);
  return store.put(blobKey(digestOf(body)), body, { ifNoneMatch: '*' });
}

/** Leaves no byte and no file to anybody. */
function fillDisk(): void {
  disk.capacity = disk.used();
}

describe.each(['ENOSPC', 'EDQUOT'])('a disk without a free byte (%s)', code => {
  test('takes heads, leases, notes of gc, views and deletions, and no blob', async () => {
    const { etag } = await store.put(REF, document(2000), { ifNoneMatch: '*' });
    disk.code = code;
    fillDisk();
    await expect(putBlob(10)).rejects.toThrow(StoreFull);
    await store.put(REF, document(2100, 'b'), { ifMatch: etag });
    await store.put('leases/experiments/faces.json', document(300), { ifNoneMatch: '*' });
    await store.put('gc/sweep.json', document(300));
    await store.put('runs/0a/1/state.json', document(300));
    await store.put('experiments/faces/log/0000000-0000100.jsonl', document(70_000));
    await store.copy(REF, 'experiments/faces/config.yaml');
    await store.put('experiments/faces/odd.suffix', document(10), { mediaType: 'text/x-odd' });
    await store.delete('gc/sweep.json');
    await store.delete(REF);
    expect(await store.head(REF)).toBeUndefined();
    await expect(putBlob(10)).rejects.toThrow(StoreFull);
    await expect(store.put('runs/0a/1/events.jsonl', document(300))).rejects.toThrow(StoreFull);
  });
});

test('a disk without a free inode takes the same, with new folders, and names no file', async () => {
  const { etag } = await store.put(REF, document(2000), { ifNoneMatch: '*' });
  disk.inodes = disk.count();
  await expect(putBlob(10)).rejects.toThrow('the disk of the store is full');
  await store.put(REF, document(2100, 'b'), { ifMatch: etag });
  await store.put('experiments/new/odd.suffix', document(10), { mediaType: 'text/x-odd' });
  await store.delete(REF);
  const made = Array.from({ length: 20 }, (_, i) => () => store.put(`experiments/new/${i}/a.json`, document(10)));
  const fill = async () => {
    for (const make of made) await make();
  };
  await expect(fill()).rejects.toThrow('the disk of the store is full');
});

test('the reserve leaves nothing to others while it is in use, and lasts for many changes', async () => {
  let { etag } = await store.put(REF, document(2000), { ifNoneMatch: '*' });
  fillDisk();
  for (let i = 0; i < 100; i++) {
    ({ etag } = await store.put(REF, document(2000, String(i % 10)), { ifMatch: etag }));
    await expect(putBlob(10)).rejects.toThrow(StoreFull);
  }
  expect(reserve()).toBe(16);
});

test('the reserve is made whole again when there is room', async () => {
  await store.put('experiments/faces/large.json', document(10));
  fillDisk();
  for (let i = 0; i < 4; i++) await store.put(`experiments/faces/${i}.json`, document(150_000));
  const left = disk.used(join(disk.root, '.easel/reserve'));
  expect(left).toBeLessThan(RESERVE_BYTES - 590_000);
  disk.capacity += 10 * RESERVE_BYTES;
  ahead += 60_000;
  await store.delete('experiments/faces/0.json');
  expect(disk.used(join(disk.root, '.easel/reserve'))).toBeGreaterThanOrEqual(RESERVE_BYTES);
  await putBlob(10);
});

test('a document beyond the whole reserve is refused, and the reserve stays', async () => {
  await store.put(REF, document(10));
  fillDisk();
  await expect(store.put(REF, document(2 * RESERVE_BYTES))).rejects.toThrow(StoreFull);
  expect(reserve()).toBe(16);
  await store.put(REF, document(20));
});

test('a store opens on a disk that has no room for the reserve', async () => {
  await rm(join(disk.root, '.easel/reserve'), { recursive: true });
  disk.capacity = disk.used() + 100_000;
  const other = await openFileStore(disk.root);
  await other.put('views/a.json', document(1)).catch(error => expect(error).toBeInstanceOf(StoreFull));
  expect(disk.used(join(disk.root, '.easel/reserve'))).toBeGreaterThan(90_000);
  await other.put(REF, document(1000));
});
