import { existsSync, readdirSync, statSync } from 'node:fs';
import {
  type FileHandle,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Ambiguous, type AppError, InvalidInput, PreconditionFailed } from '../../../errors.ts';
import { SYSTEM_CLOCK } from '../../clock.ts';
import { digestOf, hexOf } from '../../digest.ts';
import { blobKey } from '../../keys.ts';
import type { ObjectStore } from '../../types.ts';
import { openFileStore } from './file-store.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (body: Uint8Array | undefined) => body && Buffer.from(body).toString();

describe('file store', () => {
  let folder: string;
  let store: ObjectStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
    store = await openFileStore(folder);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  it('names keys in its errors, and never the folder', async () => {
    await store.put('foo/bar', bytes('a'));
    await mkdir(join(folder, 'taken/below'), { recursive: true });
    const failing: [string, () => Promise<unknown>][] = [
      ['foo/bar/xyzzy', () => store.put('foo/bar/xyzzy', bytes('b'))],
      ['taken', () => store.put('taken', bytes('b'), { ifNoneMatch: '*' })],
      ['taken', () => store.put('taken', bytes('b'))],
      ['foo/bar/copy', () => store.copy('foo/bar', 'foo/bar/copy')],
    ];
    for (const [key, fail] of failing) {
      const error = await fail().catch((thrown: AppError) => thrown);
      const { message, expected, hint } = error as AppError;
      expect(message).toContain(`"${key}"`);
      expect([message, expected, hint].join(' ')).not.toContain(folder);
    }
  });

  const temporaries = () => readdirSync(join(folder, '.easel/tmp'));
  const locks = () => readdirSync(join(folder, '.easel/locks'));

  it('stores each object as a write-protected file at its key, and leaves no other files', async () => {
    const { etag } = await store.put('refs/datasets/x.json', bytes('{}'), { ifNoneMatch: '*' });
    await store.put('refs/datasets/x.json', bytes('{"v":1}'), { ifMatch: etag });
    await store.put('a/picture', bytes('1'), { mediaType: 'image/png' });
    await expect(store.put('a/picture', bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(PreconditionFailed);
    await expect(store.put('a/picture', bytes('2'), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailed);
    expect(await readFile(join(folder, 'refs/datasets/x.json'), 'utf8')).toBe('{"v":1}');
    expect(statSync(join(folder, 'a/picture')).mode & 0o777).toBe(0o444);
    expect([...temporaries(), ...locks()]).toEqual([]);
    await store.delete('refs/datasets/x.json');
    await store.delete('a/picture');
    expect(readdirSync(folder)).toEqual(['.easel']);
    expect(
      readdirSync(join(folder, '.easel/types'), { recursive: true, withFileTypes: true }).filter(e => !e.isDirectory()),
    ).toEqual([]);
  });

  it('copies by a hard link, and never writes through it', async () => {
    const body = bytes('some pixels');
    const blob = blobKey(digestOf(body));
    await store.put(blob, body);
    await store.copy(blob, 'pages/image.tar');
    const stats = (key: string) => statSync(join(folder, key));
    expect(stats('pages/image.tar').ino).toBe(stats(blob).ino);
    expect(stats(blob)).toMatchObject({ nlink: 2, mode: 0o100444 });
    await store.put('pages/image.tar', bytes('others'));
    expect(text((await store.get(blob))?.body)).toBe('some pixels');
    expect(stats(blob).nlink).toBe(1);
    await store.copy(blob, 'pages/image.tar');
    await store.delete('pages/image.tar');
    expect(text((await store.get(blob))?.body)).toBe('some pixels');
    await store.copy(blob, 'pages/image.tar');
    await store.delete(blob);
    expect(text((await store.get('pages/image.tar'))?.body)).toBe('some pixels');
  });

  it('knows the version of a copied blob without reading it, also in another process', async () => {
    const blob = blobKey(digestOf('stands for what would take a minute to hash'));
    await mkdir(dirname(join(folder, blob)), { recursive: true });
    const file = await open(join(folder, blob), 'w');
    await file.truncate(64 * 2 ** 30);
    await file.close();
    await store.copy(blob, 'pages/image.tar');
    const etag = blob.slice(-64);
    expect((await store.head('pages/image.tar'))?.etag).toBe(etag);
    const other = await openFileStore(folder);
    expect((await other.list('pages/')).objects).toMatchObject([{ key: 'pages/image.tar', etag }]);
    await store.put('pages/image.tar', bytes('small'));
    expect((await other.head('pages/image.tar'))?.etag).toBe(hexOf(digestOf('small')));
    await store.delete('pages/image.tar');
    const left = readdirSync(join(folder, '.easel/copies'), { recursive: true, withFileTypes: true });
    expect(left.filter(entry => !entry.isDirectory())).toEqual([]);
  });

  it('deletes all objects of a folder at the same time', async () => {
    // More objects than open files: some deletes sync the folder after it is gone.
    const names = Array.from({ length: 200 }, (_, i) => `deep/folder/${i}`);
    await Promise.all(names.map(name => store.put(name, Buffer.from('x'))));
    await Promise.all(names.map(name => store.delete(name)));
    expect(existsSync(join(folder, 'deep'))).toBe(false);
  });

  it('refuses a key that is also a folder of another key', async () => {
    await store.put('a/b', bytes('1'));
    await expect(store.put('a', bytes('2'))).rejects.toBeInstanceOf(InvalidInput);
    await expect(store.put('a', bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(InvalidInput);
    await expect(store.put('a/b/c', bytes('2'))).rejects.toBeInstanceOf(InvalidInput);
    await expect(store.put('a/b/c', bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(InvalidInput);
    await expect(store.put('a', bytes('2'))).rejects.toThrow('the key "a" is a folder of other keys, such as "a/b"');
    const below = 'the key "a/b/c/d" lies below the key "a/b", which is an object';
    await expect(store.put('a/b/c/d', bytes('2'))).rejects.toThrow(below);
    await expect(store.put('a/b/c/d', bytes('2'), { ifNoneMatch: '*' })).rejects.toThrow(below);
    expect(text((await store.get('a/b'))?.body)).toBe('1');
    expect([...temporaries(), ...locks()]).toEqual([]);
    await store.delete('a/b');
    await store.put('a', bytes('2'));
    expect(text((await store.get('a'))?.body)).toBe('2');
  });

  it('gives versions of equal size different etags, even when they follow each other fast', async () => {
    const other = await openFileStore(folder);
    for (let i = 100; i < 200; i++) {
      const body = bytes(`version ${i}`);
      await store.put('a', body);
      expect((await other.head('a'))?.etag).toBe(hexOf(digestOf(body)));
    }
  });

  it('remembers the etag of a settled file, and sees when it is replaced', async () => {
    await store.put('a', bytes('first'));
    await new Promise(resolve => setTimeout(resolve, 2100));
    expect((await store.head('a'))?.etag).toBe(hexOf(digestOf('first')));
    const other = await openFileStore(folder);
    await other.put('a', bytes('other'));
    expect((await store.head('a'))?.etag).toBe(hexOf(digestOf('other')));
  });

  it('takes the etag of a blob from its key', async () => {
    const digest = digestOf('blob');
    const { etag } = await store.put(blobKey(digest), bytes('blob'));
    expect(etag).toBe(hexOf(digest));
    expect((await store.list('cas/')).objects).toMatchObject([{ key: blobKey(digest), etag, size: 4 }]);
  });

  it('neither lists nor follows links, folders and other special files', async () => {
    await writeFile(join(folder, 'outside'), 'x');
    await symlink('/etc/hostname', join(folder, 'link'));
    await mkdir(join(folder, 'empty'));
    expect((await store.list('')).objects.map(object => object.key)).toEqual(['outside']);
    expect((await store.list('', { delimiter: '/' })).prefixes).toEqual([]);
    expect(await store.get('link')).toBeUndefined();
    expect(await store.head('empty')).toBeUndefined();
  });

  it('removes temporary files older than an hour, and no younger ones', async () => {
    const at = (name: string) => join(folder, '.easel/tmp', name);
    const [old, young, type] = [at('old'), at('young'), at('type')];
    await writeFile(old, 'x');
    await symlink('image/png', type);
    const twoHoursAgo = Date.now() / 1000 - 7200;
    await utimes(old, twoHoursAgo, twoHoursAgo);
    await lutimes(type, twoHoursAgo, twoHoursAgo);
    await writeFile(young, 'x');
    await openFileStore(folder);
    expect(temporaries()).toEqual(['young']);
    await openFileStore(folder, { clock: { ...SYSTEM_CLOCK, now: () => Date.now() + 7_200_000 } });
    expect(temporaries()).toEqual([]);
  });

  it.runIf(existsSync('/proc/self/fd'))('keeps few files open under many requests', async () => {
    const countOpen = () => readdirSync('/proc/self/fd').length;
    const before = countOpen();
    let most = 0;
    let working = true;
    const watch = async () => {
      while (working) {
        most = Math.max(most, countOpen());
        await new Promise(resolve => setTimeout(resolve, 1));
      }
    };
    const watching = watch();
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.put(`many/${i}`, bytes(`${i}`))));
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.get(`many/${i}`)));
    working = false;
    await watching;
    expect(most - before).toBeLessThan(80);
  });
});

describe('a file store on a failing disk', () => {
  let folder: string;
  let store: ObjectStore;
  /** The prototype of all file handles: the only way to observe their syncs and to make them fail. */
  let handles: FileHandle;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
    store = await openFileStore(folder);
    const handle = await open(join(folder, '.easel'));
    handles = Object.getPrototypeOf(handle);
    await handle.close();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });
  const failWith = (code: string) => Object.assign(new Error(code), { code });

  for (const [name, options] of Object.entries({ creates: { ifNoneMatch: '*' }, replaces: {} } as const)) {
    it(`syncs the bytes before it ${name}, and afterwards the folders, including new ones`, async () => {
      const target = join(folder, 'a/b/c');
      const published: boolean[] = [];
      const folders: number[] = [];
      const { datasync, sync } = handles;
      vi.spyOn(handles, 'datasync').mockImplementation(function (this: FileHandle) {
        published.push(existsSync(target));
        return datasync.call(this);
      });
      vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
        folders.push((await this.stat()).ino);
        expect(existsSync(target)).toBe(true);
        return sync.call(this);
      });
      await store.put('a/b/c', bytes('1'), options);
      expect(published).toEqual([false]);
      const chain = ['a/b', 'a', ''].map(path => statSync(join(folder, path)).ino);
      expect(folders).toEqual(chain);
      await store.put('a/b/d', bytes('1'), options);
      expect(folders).toEqual([...chain, chain[0]]);
    });

    it(`changes nothing when the bytes cannot be written, and reports a full disk (${name})`, async () => {
      for (const step of ['writeFile', 'datasync'] as const) {
        vi.spyOn(handles, step).mockRejectedValueOnce(failWith('ENOSPC'));
        await expect(store.put('a', bytes('1'), options)).rejects.toMatchObject({
          code: 'store_full',
          status: 507,
          retryable: true,
        });
      }
      expect(await store.get('a')).toBeUndefined();
      expect(readdirSync(join(folder, '.easel/tmp'))).toEqual([]);
      await store.put('a', bytes('1'), options);
    });

    it.each([
      ['EROFS', 'store_denied'],
      ['EACCES', 'store_denied'],
      ['EDQUOT', 'store_full'],
      ['EIO', 'store_unreachable'],
    ])(`changes nothing after %s and throws %s (${name})`, async (code, expected) => {
      vi.spyOn(handles, 'writeFile').mockRejectedValueOnce(failWith(code));
      await expect(store.put('a', bytes('1'), options)).rejects.toMatchObject({ code: expected });
      expect((await store.list('')).objects).toEqual([]);
      expect(readdirSync(join(folder, '.easel/tmp'))).toEqual([]);
      await store.put('a', bytes('1'), options);
    });

    it(`reports an ambiguous write when the folder cannot be synced (${name})`, async () => {
      vi.spyOn(handles, 'sync').mockRejectedValueOnce(failWith('EIO'));
      await expect(store.put('a', bytes('1'), options)).rejects.toBeInstanceOf(Ambiguous);
      expect(text((await store.get('a'))?.body)).toBe('1');
      await store.put('a', bytes('2'));
      expect(readdirSync(join(folder, '.easel/locks'))).toEqual([]);
    });
  }
});

it('tells an unreadable disk from an absent object', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
  try {
    const store = await openFileStore(folder);
    await store.put('a', bytes('1'));
    const handle = await open(join(folder, 'a'));
    const handles = Object.getPrototypeOf(handle);
    await handle.close();
    vi.spyOn(handles, 'read').mockRejectedValueOnce(Object.assign(new Error('EIO'), { code: 'EIO' }));
    await expect(store.get('a')).rejects.toMatchObject({ code: 'store_unreachable', status: 503 });
    expect(text((await store.get('a'))?.body)).toBe('1');
  } finally {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  }
});
