import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import { packTar } from '../../formats/tar.ts';
import { openTar } from './import-source.ts';

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
  const link = expect.stringContaining('a link, which is not followed in an archive');
  expect(Object.fromEntries(source.rejects.map(({ name, reason }) => [name, reason]))).toEqual({
    '../../etc/climbing.png': 'its name leads upwards (..)',
    'hard.png': link,
    'null.png': 'not a regular file',
    'passwd.png': link,
  });
  expect(source.hidden).toBe(0);
});

test('names of a tar are tidied as unpacking would, and a file has one', () => {
  const source = openTar(
    packTar([
      ['./a/./b.png', Buffer.from('b')],
      ['a//b.txt', Buffer.from('t')],
      ['//', Buffer.from('')],
      ['./', Buffer.from('')],
      ['.', Buffer.from('no name')],
    ]),
  );
  expect(source.files.map(({ name }) => name)).toEqual(['a/b.png', 'a/b.txt']);
  expect(source.rejects).toEqual([{ name: '.', reason: 'a file without a name' }]);
  expect(source.hidden).toBe(0);
});

test('names of a tar that are no UTF-8 are escaped', () => {
  const tar = Buffer.from(packTar([['caf?/1.png', Buffer.from('1')]]));
  tar[3] = 0xe9;
  // The checksum is the sum of the bytes of the header.
  const sum = Number.parseInt(tar.toString('latin1', 148, 154), 8) + 0xe9 - '?'.charCodeAt(0);
  tar.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
  expect(openTar(tar).files.map(({ name }) => name)).toEqual(['caf\\xe9/1.png']);
});

test('of files with the same name in a tar, the last counts', async () => {
  const source = openTar(
    packTar([
      ['a.txt', Buffer.from('first')],
      ['./a.txt', Buffer.from('last')],
    ]),
  );
  expect(source.files.map(({ name }) => name)).toEqual(['a.txt']);
  expect(Buffer.from((await source.files[0]?.read()) ?? '').toString()).toBe('last');
  expect(source.rejects).toEqual([{ name: 'a.txt', reason: 'a later file of the archive has the same name' }]);
});
