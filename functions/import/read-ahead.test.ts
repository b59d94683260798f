import { expect, test } from 'vitest';
import { NotFound } from '../../errors.ts';
import type { SourceFile } from './import-source.ts';
import { readAhead } from './read-ahead.ts';
import { Unreadable } from './read-failure.ts';

/** Files of which the test tells when each was begun, and how many are read at once. */
function openFiles(sizes: readonly number[], read = async (i: number): Promise<Uint8Array> => Uint8Array.of(i)) {
  const begun: number[] = [];
  const files = sizes.map((size, i): SourceFile => {
    const whole = async () => {
      begun.push(i);
      return read(i);
    };
    return { name: `${i}.png`, size, read: whole, readAt: whole };
  });
  return { files, begun };
}

test('files come once each, in their order, and 16 are read at a time', async () => {
  const { files, begun } = openFiles(Array(40).fill(10));
  const names: string[] = [];
  for await (const { file, bytes } of readAhead(files)) {
    expect(bytes).toEqual(Uint8Array.of(names.length));
    names.push(file.name);
    expect(begun.length - names.length).toBeLessThan(17);
  }
  expect(names).toEqual(files.map(({ name }) => name));
  expect(begun).toEqual([...files.keys()]);
});

test('no more than 64 MiB wait, and a larger file is read alone', async () => {
  const mebibytes = [30, 30, 30, 100, 1];
  const { files, begun } = openFiles(mebibytes.map(size => size * 2 ** 20));
  const ahead: number[] = [];
  for await (const _ of readAhead(files)) ahead.push(begun.length);
  expect(ahead).toEqual([2, 3, 3, 4, 5]);
});

test('a file that cannot be read says so at its turn, and an error ends the reading with all reads over', async () => {
  let over = 0;
  const { files } = openFiles([1, 1, 1, 1], async i => {
    if (i === 1) throw new Unreadable('1.png', Object.assign(new Error('no'), { code: 'EACCES' }));
    if (i === 2) throw new NotFound('it was deleted');
    over++;
    return Uint8Array.of(i);
  });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const { bytes } of readAhead(files)) seen.push(bytes instanceof Unreadable ? 'unreadable' : bytes[0]);
  })();
  await expect(reading).rejects.toThrow('it was deleted');
  expect(seen).toEqual([0, 'unreadable']);
  expect(over).toBe(2);
});
