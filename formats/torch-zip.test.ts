import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeTorchLegacy } from './torch-legacy.ts';
import { decodeTorch } from './torch-zip.ts';

const read = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

describe('a file of torch.save with zip', () => {
  it('gives the tensors of the file without zip', () => {
    const [zipped, legacy] = [decodeTorch(read('zip.pth')), decodeTorchLegacy(read('state.pth'))];
    expect([...zipped.keys()]).toEqual([...legacy.keys()]);
    for (const [name, tensor] of legacy) expect(zipped.get(name), name).toEqual(tensor);
    expect(zipped.get('tied')?.data.buffer).toBe(zipped.get('plain')?.data.buffer);
  });

  it('a file without zip is read, too', () => {
    expect(decodeTorch(read('state.pth'))).toEqual(decodeTorchLegacy(read('state.pth')));
  });

  /** The archive with a text replaced by another one of the same length, wherever it stands. */
  const replaced = (from: string, to: string) =>
    new Uint8Array(Buffer.from(Buffer.from(read('zip.pth')).toString('latin1').replaceAll(from, to), 'latin1'));

  it.each([
    ['without its pickle', () => replaced('data.pkl', 'data.pk_'), 'the archive has no data.pkl'],
    ['without a storage', () => replaced('/data/3', '/data/_'), 'the storage "3" has no bytes, not'],
    ['that is cut short', () => read('zip.pth').subarray(0, 3000), 'end-of-directory'],
    ['with changed elements', () => changeElement(), 'another checksum'],
  ])('a file %s is refused', (_, bytes, message) => {
    expect(() => decodeTorch(bytes())).toThrow(message);
  });

  function changeElement(): Uint8Array {
    const bytes = read('zip.pth');
    // -3, the first element of `plain`.
    const at = Buffer.from(bytes).indexOf(Buffer.from(Float32Array.of(-3, -2.5).buffer));
    bytes[at + 3] = 0x41;
    return bytes;
  }
});
