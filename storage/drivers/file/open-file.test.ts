import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBytes } from './facts.ts';
import { openFileStore } from './file-store.ts';
import { withDescriptor, withHandle } from './open-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-open-file-'));
  await writeFile(join(folder, 'file'), 'some bytes');
  await mkdir(join(folder, 'folder'));
  await symlink(join(folder, 'file'), join(folder, 'link'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const countOpen = () => readdirSync('/proc/self/fd').length;

describe.each([
  ['without blocking', withHandle],
  ['blocking', withDescriptor],
])('a file that is opened %s', (_, withFile) => {
  it('is read at any place', async () => {
    const read = await withFile(join(folder, 'file'), async (file, stats) => [
      Number(stats.size),
      Buffer.from(await readBytes(file, 5, 10)).toString(),
      // Another program may have cut it short.
      Buffer.from(await readBytes(file, 8, 20)).toString(),
    ]);
    expect(read).toEqual([10, 'bytes', 'es']);
  });

  it.each(['absent', 'folder', 'link', 'file/below'])('is no %s', async name => {
    expect(await withFile(join(folder, name), async () => 'read')).toBeUndefined();
  });

  it.runIf(existsSync('/proc/self/fd'))('is closed when the reader fails, which tells its error', async () => {
    const before = countOpen();
    for (let i = 0; i < 50; i++) {
      const failing = withFile(join(folder, 'file'), () => Promise.reject(new RangeError('no')));
      await expect(failing).rejects.toThrow(RangeError);
    }
    expect(countOpen()).toBeLessThan(before + 20);
  });
});

it('a store that may block gives the same objects', async () => {
  const store = await openFileStore(folder);
  const blocking = await openFileStore(folder, { mayBlock: true });
  await store.put('some/key', Buffer.from('0123456789'), { mediaType: 'text/plain' });
  expect(await blocking.get('some/key')).toEqual(await store.get('some/key'));
  const part = await blocking.get('some/key', { start: 3, end: 5 });
  expect(Buffer.from(part?.body ?? []).toString()).toBe('345');
  expect(await blocking.get('some')).toBeUndefined();
  await store.put('some/key', Buffer.from('abc'));
  expect((await blocking.head('some/key'))?.etag).toBe((await store.head('some/key'))?.etag);
  await Promise.all([store.close(), blocking.close()]);
});
