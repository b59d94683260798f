import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError, Busy, Conflict, Forbidden, NotFound, Unprocessable } from '../../errors.ts';
import { type FolderSystem, openFolder, SYSTEM } from './open-folder.ts';
import { Unreadable } from './read-failure.ts';

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

/** The system, but for one call on paths that end with these bytes, which fails with this code. */
function failing(call: keyof FolderSystem, end: string, code: string): FolderSystem {
  const fails = (path: Buffer) => path.toString('latin1').endsWith(end);
  const failure = () => Promise.reject(Object.assign(new Error(`${code}: ${call}`), { code }));
  const original = SYSTEM[call] as (path: Buffer, flags: number) => Promise<never>;
  return { ...SYSTEM, [call]: (path: Buffer, flags: number) => (fails(path) ? failure() : original(path, flags)) };
}

const FAILURES = {
  EACCES: 'not readable: the server runs as a user who may not read it (EACCES)',
  EPERM: 'not readable: the server runs as a user who may not read it (EPERM)',
  EIO: 'not readable: the disk reports an error (EIO)',
  ESTALE: 'not readable: the drive that it lies on does not answer (ESTALE)',
  ENAMETOOLONG: 'not readable: its path is longer than the system allows (ENAMETOOLONG)',
  EBADMSG: 'not readable: the system gives no reason but a code (EBADMSG)',
};

test.each(Object.entries(FAILURES))(
  'a folder or file that fails with %s is one reject, and the rest is taken',
  async (code, reason) => {
    const root = join(top, 'root');
    for (const call of ['realpath', 'stat', 'readdir'] as const) {
      const source = await openFolder(root, [root], failing(call, '/sub', code));
      expect(
        source.files.map(({ name }) => name),
        call,
      ).toEqual(['b.png']);
      const said = call === 'readdir' ? `a folder that is ${reason}` : reason;
      expect(source.rejects, call).toEqual([{ name: 'sub', reason: said }]);
    }
    const source = await openFolder(root, [root], failing('open', '/b.png', code));
    expect(source.rejects).toEqual([]);
    const [unreadable, readable] = source.files;
    const failure = await unreadable?.read().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unreadable);
    expect(failure).toMatchObject({ reason, message: `"b.png" is ${reason}` });
    expect(await readable?.read()).toEqual(new Uint8Array(Buffer.from('a')));
  },
);

test('a file whose bytes the disk does not give is not readable, and its file is closed', async () => {
  const root = join(top, 'root');
  let closed = 0;
  const open: FolderSystem['open'] = async (path, flags) => {
    const file = await SYSTEM.open(path, flags);
    const read = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    return { stat: file.stat.bind(file), read, close: () => file.close().then(() => void closed++) };
  };
  const [file] = (await openFolder(root, [root], { ...SYSTEM, open })).files;
  await expect(file?.read()).rejects.toMatchObject({ reason: FAILURES.EIO });
  expect(closed).toBe(1);
});

test('a server without open files or memory rejects nothing for that', async () => {
  const root = join(top, 'root');
  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    for (const call of ['realpath', 'stat', 'readdir'] as const) {
      await expect(openFolder(root, [root], failing(call, '/sub', code)), `${call} ${code}`).rejects.toThrow(Busy);
    }
    const [file] = (await openFolder(root, [root], failing('open', '/b.png', code))).files;
    await expect(file?.read(), code).rejects.toThrow(Busy);
  }
});

test('a folder of the call that cannot be read says why', async () => {
  const root = join(top, 'root');
  for (const call of ['realpath', 'stat', 'readdir'] as const) {
    await expect(openFolder(root, [top], failing(call, '/root', 'EACCES')), call).rejects.toThrow(Forbidden);
    await expect(openFolder(root, [top], failing(call, '/root', 'EIO')), call).rejects.toThrow(Unprocessable);
  }
});

test('an entry that vanishes while the folder is read is no link', async () => {
  const root = join(top, 'root');
  const { rejects } = await openFolder(root, [root], failing('realpath', '/b.png', 'ENOENT'));
  expect(rejects).toEqual([{ name: 'b.png', reason: 'deleted or renamed while the folder was read' }]);
});

test('a link that leads in a circle is called that', async () => {
  await symlink(join(top, 'root/b'), join(top, 'root/a'));
  await symlink(join(top, 'root/a'), join(top, 'root/b'));
  const { rejects } = await openFolder(join(top, 'root'), [top]);
  expect(rejects.map(({ name, reason }) => [name, reason])).toEqual(
    ['a', 'b'].map(name => [name, 'not readable: a link that leads in a circle (ELOOP)']),
  );
});

const isRoot = process.getuid?.() === 0;
if (isRoot) console.warn('skipped: rights of files, since root may read everything');
test.skipIf(isRoot)('a folder and a file without rights are named, and the rest is taken', async () => {
  await chmod(join(top, 'root/sub'), 0);
  await chmod(join(top, 'root/b.png'), 0);
  await writeFile(join(top, 'root/c.png'), 'c');
  try {
    const { files, rejects } = await openFolder(join(top, 'root'), [top]);
    expect(rejects).toEqual([{ name: 'sub', reason: `a folder that is ${FAILURES.EACCES}` }]);
    const [b, c] = files;
    await expect(b?.read()).rejects.toMatchObject({ reason: FAILURES.EACCES });
    expect(await c?.read()).toEqual(new Uint8Array(Buffer.from('c')));
  } finally {
    await chmod(join(top, 'root/sub'), 0o755);
  }
});

test('names that are no UTF-8 are escaped, and their files are read', async () => {
  const root = Buffer.from(join(top, 'root/'));
  const folder = Buffer.concat([root, Buffer.from('caf\xe9', 'latin1')]);
  try {
    await mkdir(folder);
  } catch {
    console.warn('skipped: this file system takes only names in UTF-8');
    return;
  }
  await writeFile(Buffer.concat([folder, Buffer.from('/\xfc.png', 'latin1')]), 'in Latin-1');
  await symlink(folder, Buffer.concat([root, Buffer.from('link')]));
  const { files, rejects } = await openFolder(join(top, 'root'), [top]);
  expect(files.map(({ name }) => name)).toEqual(['b.png', 'caf\\xe9/\\xfc.png', 'sub/a.png']);
  expect(Buffer.from((await files[1]?.read()) ?? '').toString()).toBe('in Latin-1');
  expect(rejects).toEqual([{ name: 'link', reason: 'a link to a folder that is read already' }]);
});
