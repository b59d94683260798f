import { describe, expect, it } from 'vitest';
import { packZip } from './testing/pack-zip.ts';
import { readZip } from './zip.ts';

const text = 'the same words, the same words, the same words';

describe('readZip', () => {
  it('reads stored and deflated members, with a comment at the end', () => {
    const archive = packZip(
      [
        ['a/stored.txt', text, 'stored'],
        ['a/deflated.txt', text, 'deflated'],
        ['empty', '', 'stored'],
      ],
      'a comment',
    );
    expect(readZip(archive).map(entry => [entry.name, entry.size, Buffer.from(entry.read()).toString()])).toEqual([
      ['a/stored.txt', text.length, text],
      ['a/deflated.txt', text.length, text],
      ['empty', 0, ''],
    ]);
  });

  it('tells which members may be executed', () => {
    const archive = packZip([
      ['tool', text, 'stored', 0o744],
      ['data', text, 'stored'],
    ]);
    expect(readZip(archive).map(({ isExecutable }) => isExecutable)).toEqual([true, false]);
  });

  it('finds damage by the checksum, and refuses other files and names that lead out of the folder', () => {
    const archive = packZip([['a', text, 'stored']]);
    archive[35] = (archive[35] ?? 0) ^ 1;
    expect(() => readZip(archive)[0]?.read()).toThrow('another checksum');
    expect(() => readZip(new Uint8Array(100))).toThrow('no end-of-directory');
    expect(() => readZip(packZip([['../a', text, 'stored']]))).toThrow('named "../a"');
    expect(() => readZip(packZip([['/a', text, 'stored']]))).toThrow('named "/a"');
    const cut = packZip([['a', text, 'deflated']]);
    cut.fill(0xff, 31, 40);
    expect(() => readZip(cut)[0]?.read()).toThrow(/does not unpack|another checksum/);
  });
});
