import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError, Conflict, Forbidden, NotFound, Unprocessable } from '../../errors.ts';
import { packTar } from '../../formats/tar.ts';
import { openFolder, openTar, stemOf } from './import-source.ts';

let top = '';
beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'easel-import-')));
  await mkdir(join(top, 'root/sub/.hidden'), { recursive: true });
  await mkdir(join(top, 'outside'));
  await writeFile(join(top, 'root/b.png'), 'b');
  await writeFile(join(top, 'root/sub/a.png'), 'a');
  await writeFile(join(top, 'root/.DS_Store'), 'x');
  await writeFile(join(top, 'root/sub/.hidden/c.png'), 'c');
  await writeFile(join(top, 'outside/secret.png'), 'secret');
});
afterEach(() => rm(top, { recursive: true, force: true }));

test('openFolder lists all files by name and counts hidden ones', async () => {
  const source = await openFolder(join(top, 'root'), [top]);
  expect(source.files.map(file => file.name)).toEqual(['b.png', 'sub/a.png']);
  expect(Buffer.from((await source.files[1]?.read()) ?? '').toString()).toBe('a');
  expect(source).toMatchObject({ rejects: [], hidden: 2 });
});

test('a folder outside the roots is forbidden, also through a link or dots', async () => {
  await symlink(join(top, 'outside'), join(top, 'root/way-out'));
  const roots = [join(top, 'root')];
  for (const folder of ['outside', 'root/../outside', 'root/way-out']) {
    await expect(openFolder(join(top, folder), roots)).rejects.toThrow(Forbidden);
  }
  // root-2 begins with the name of a root, but does not lie below it.
  await mkdir(join(top, 'root-2'));
  await expect(openFolder(join(top, 'root-2'), roots)).rejects.toThrow(Forbidden);
  await expect(openFolder(join(top, 'root/nothing'), roots)).rejects.toThrow(NotFound);
  await expect(openFolder(join(top, 'root/b.png'), roots)).rejects.toThrow(NotFound);
});

test('links inside a folder: good ones are followed, bad ones are rejected with the reason', async () => {
  await symlink(join(top, 'root/b.png'), join(top, 'root/good.png'));
  await symlink(join(top, 'outside/secret.png'), join(top, 'root/leak.png'));
  await symlink(join(top, 'root/gone.png'), join(top, 'root/dangling.png'));
  await symlink(join(top, 'root'), join(top, 'root/sub/loop'));
  const source = await openFolder(join(top, 'root'), [join(top, 'root')]);
  expect(source.files.map(file => file.name)).toEqual(['b.png', 'good.png', 'sub/a.png']);
  expect(source.rejects).toEqual([
    { name: 'dangling.png', reason: expect.stringContaining('nowhere') },
    { name: 'leak.png', reason: expect.stringContaining('outside') },
    { name: 'sub/loop', reason: expect.stringContaining('already') },
  ]);
});

test('a file that was replaced after listing is not read', async () => {
  const secret = join(top, 'outside/secret.png');
  const attacks: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    'a link that leads out': path => symlink(secret, path),
    'a folder': path => mkdir(path),
    nothing: async () => {},
    'a longer file': path => writeFile(path, 'bb'),
  };
  for (const [name, replace] of Object.entries(attacks)) {
    await rm(join(top, 'root/b.png'), { recursive: true, force: true });
    await writeFile(join(top, 'root/b.png'), 'b');
    const [file] = (await openFolder(join(top, 'root'), [join(top, 'root')])).files;
    await rm(join(top, 'root/b.png'));
    await replace(join(top, 'root/b.png'));
    await expect(file?.read(), name).rejects.toThrow(Conflict);
  }
});

test('openFolder refuses climbing paths, addresses and odd names', async () => {
  const roots = [join(top, 'root')];
  for (const folder of [
    'http://127.0.0.1/',
    'file:///etc',
    's3://bucket/',
    '\\\\host\\share',
    '~',
    '$HOME',
    '',
    'root\0/../outside',
  ]) {
    await expect(openFolder(folder, roots), folder).rejects.toBeInstanceOf(AppError);
  }
  for (const folder of ['/etc', '/proc/self', '/dev', '/', join(top, 'root/../../..')]) {
    await expect(openFolder(folder, roots), folder).rejects.toThrow(Forbidden);
  }
});

test('openTar: names are labels, hidden ones are counted', async () => {
  const tar = packTar([
    ['./b.png', Buffer.from('b')],
    ['a/x.png', Buffer.from('x')],
    ['a/._x.png', Buffer.from('mac')],
  ]);
  const source = openTar(tar);
  expect(source.files.map(file => file.name)).toEqual(['a/x.png', 'b.png']);
  expect(source.hidden).toBe(1);
  expect(() => openTar(Buffer.from('hello, I am not a tar at all'.repeat(40)))).toThrow(Unprocessable);
});

test('a tar with links, devices or climbing names reads nothing of the machine', async () => {
  const writer = pack();
  writer.entry({ name: 'passwd.png', type: 'symlink', linkname: '/etc/passwd' });
  writer.entry({ name: 'hard.png', type: 'link', linkname: 'etc/passwd' });
  writer.entry({ name: 'null.png', type: 'character-device' });
  writer.entry({ name: '../../etc/climbing.png' }, 'c');
  writer.entry({ name: '/etc/absolute.png' }, 'a');
  writer.finalize();
  const source = openTar(await buffer(writer));
  expect(source.files.map(file => file.name)).toEqual(['etc/absolute.png']);
  expect(source.rejects.map(reject => reject.name)).toEqual(['hard.png', 'null.png', 'passwd.png']);
  expect(source.hidden).toBe(1);
});

test('stemOf removes the extension', () => {
  expect(['a.png', 'x/b.c.jpg', 'x.y/none', 'x/.dot'].map(stemOf)).toEqual(['a', 'x/b.c', 'x.y/none', 'x/.dot']);
});
