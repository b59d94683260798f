import { expect, test } from 'vitest';
import { makeTiff, rgbPart } from './testing/make-tiff.ts';
import { readTiffDirectories } from './tiff.ts';

test.each([false, true])('all directories are read, those below each too (BigTIFF: %s)', big => {
  const chain = [
    { ...rgbPart(64, 48, { 254: 1, 271: 'NIKON CORPORATION' }), below: [rgbPart(9, 7), rgbPart(5, 3, { 262: 32803 })] },
    rgbPart(2, 1, { 259: 34713 }),
  ];
  const read = readTiffDirectories(makeTiff(chain, { big }));
  expect(read.map(({ width, height, isReduced }) => [width, height, isReduced])).toEqual([
    [64, 48, true],
    [9, 7, false],
    [5, 3, false],
    [2, 1, false],
  ]);
  expect(read[0]?.make).toBe('NIKON CORPORATION');
  expect(read.map(({ photometric, compression }) => [photometric, compression])).toEqual([
    [2, 1],
    [2, 1],
    [32803, 1],
    [2, 34713],
  ]);
});

test('big-endian numbers are read', () => {
  // One entry: width 300, as a short in the first two of its four bytes.
  const bytes = Buffer.from('4d4d002a00000008' + '0001' + '01000003' + '00000001' + '012c0000' + '00000000', 'hex');
  expect(readTiffDirectories(bytes)).toMatchObject([{ width: 300, height: 0, make: '' }]);
});

test('a circle of directories ends', () => {
  const bytes = makeTiff([rgbPart(4, 4)]);
  const at = bytes.readUInt32LE(4);
  bytes.writeUInt32LE(at, at + 2 + 12 * bytes.readUInt16LE(at));
  expect(readTiffDirectories(bytes)).toHaveLength(1);
});

test('bytes that are cut or changed anywhere give what can be read, and no error', () => {
  const whole = makeTiff([{ ...rgbPart(8, 6), below: [rgbPart(4, 3)] }]);
  for (let end = 0; end < whole.length; end++) readTiffDirectories(whole.subarray(0, end));
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = 0xff;
    readTiffDirectories(changed);
  }
  expect(readTiffDirectories(Buffer.from('not a TIFF'))).toEqual([]);
});
