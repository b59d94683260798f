import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromBf16Bits, fromF16Bits } from './half.ts';
import { pickleOf, textOpcode } from './testing/pickle-bytes.ts';
import { decodeTorchLegacy } from './torch-legacy.ts';

const read = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

const concat = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** A file whose object is made by `saved`, with its storages by key; `count` is the size that the file states. */
function fileOf(saved: string, storages: readonly { key: string; count: number; bytes: readonly number[] }[]) {
  const keys = storages.map(({ key }) => textOpcode(key)).join('');
  return concat([
    pickleOf('\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19'),
    pickleOf('M\xe9\x03'),
    pickleOf(`}${textOpcode('little_endian')}\x88s`),
    pickleOf(saved),
    pickleOf(`](${keys}e`),
    ...storages.flatMap(({ count, bytes }) => [
      new Uint8Array(new BigUint64Array([BigInt(count)]).buffer),
      Uint8Array.from(bytes),
    ]),
  ]);
}

const int = (value: number) => `J${Buffer.from(Int32Array.of(value).buffer).toString('latin1')}`;
const tuple = (values: readonly number[]) => `(${values.map(int).join('')}t`;

/** Opcodes of a tensor of bytes. */
function tensorOf(key: string, count: number, offset: number, shape: readonly number[], strides: readonly number[]) {
  const id = `(${textOpcode('storage')}ctorch\nByteStorage\n${textOpcode(key)}${textOpcode('cpu')}${int(count)}NtQ`;
  const hooks = 'ccollections\nOrderedDict\n)R';
  return `ctorch._utils\n_rebuild_tensor_v2\n(${id}${int(offset)}${tuple(shape)}${tuple(strides)}\x89${hooks}tR`;
}

const bytes = (count: number) => Array.from({ length: count }, (_, i) => i);
const stored = (key: string, count: number) => ({ key, count, bytes: bytes(count) });
const dictOf = (entries: Readonly<Record<string, string>>) =>
  `}(${Object.entries(entries)
    .map(([name, opcodes]) => textOpcode(name) + opcodes)
    .join('')}u`;

describe('a file of torch.save without zip', () => {
  const state = decodeTorchLegacy(read('state.pth'));
  const grid = Array.from({ length: 24 }, (_, i) => i * 0.5 - 3);
  const values = (name: string) => [...(state.get(name)?.data ?? [])];

  it('gives the tensors of its state dict with their shapes, types and elements', () => {
    expect([...state].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.join('x')}`)).toEqual([
      'plain f32 2x3x4',
      'permuted f32 4x2x3',
      'part f32 3',
      'other_part f32 3',
      'tied f32 2x3x4',
      'scalar f32 ',
      'empty f32 0x4',
      'half f16 4',
      'brain bf16 2',
      'long i32 3',
      'int i32 1x2',
      'byte u8 2',
      'bool bool 3',
      'parameter f32 2',
      '__proto__ f32 1',
    ]);
    expect(values('plain')).toEqual(grid);
    expect(values('part')).toEqual([102, 103, 104]);
    expect(values('scalar')).toEqual([3.25]);
    expect(values('half').map(fromF16Bits)).toEqual([0.5, -1.25, 65504, Infinity]);
    expect(values('brain').map(fromBf16Bits)).toEqual([1, -2.5]);
    expect(values('long')).toEqual([-(2 ** 31), 7, 2 ** 31 - 1]);
    expect(values('int')).toEqual([-5, 6]);
    expect([...values('byte'), ...values('bool')]).toEqual([0, 255, 1, 0, 1]);
    expect([...values('parameter'), ...values('__proto__')]).toEqual([8, 9, 11]);
  });

  it('brings elements that lie in another order into row-major order', () => {
    const permuted = [];
    for (let c = 0; c < 4; c++)
      for (let a = 0; a < 2; a++) for (let b = 0; b < 3; b++) permuted.push(grid[12 * a + 4 * b + c]);
    expect(values('permuted')).toEqual(permuted);
    expect(values('other_part')).toEqual([101, 104, 107]);
  });

  it('lets tensors that are tied share their elements', () => {
    expect(state.get('tied')?.data.buffer).toBe(state.get('plain')?.data.buffer);
  });

  it('refuses everything but a state dict of known element types', () => {
    expect(() => decodeTorchLegacy(read('large-int64.pth'))).toThrow('the int64 2147483648 does not fit into 32 bits');
    expect(() => decodeTorchLegacy(read('double.pth'))).toThrow('"torch DoubleStorage"');
    expect(() => decodeTorchLegacy(read('epoch.pth'))).toThrow('"epoch" is 3, not a tensor');
    expect(() => decodeTorchLegacy(new Uint8Array())).toThrow('cut short');
    expect(() => decodeTorchLegacy(Buffer.from('<html>'))).toThrow('the opcode "<" at byte 0');
  });

  it('gives the tensors of a state dict that Python 2 and PyTorch before 0.4 wrote', () => {
    const short = (name: string) => `U${String.fromCharCode(name.length)}${name}`;
    const id = `(${short('storage')}ctorch\nByteStorage\n${short('0')}${short('cuda:0')}${int(6)}NtQ`;
    const tensor = `ctorch._utils\n_rebuild_tensor\n(${id}${int(1)}${tuple([2])}${tuple([3])}tR`;
    const dict = (items: string) => `ccollections\nOrderedDict\n(${items}tR`;
    const file = fileOf(dict(`](](${short('x')}${tensor}ee`), [stored('0', 6)]);
    expect(decodeTorchLegacy(file)).toEqual(new Map([['x', { dtype: 'u8', shape: [2], data: Uint8Array.of(1, 4) }]]));
    expect(() => decodeTorchLegacy(fileOf(dict(`](](${short('x')}ee`), []))).toThrow('instead of a key and a value');
    expect(() => decodeTorchLegacy(fileOf(dict('K\x01'), []))).toThrow('is made of something else');
  });

  it('is refused wherever it is cut off, and with bytes behind its end', () => {
    const file = read('state.pth');
    for (let size = 0; size < file.length; size++) {
      expect(() => decodeTorchLegacy(file.subarray(0, size)), `${size} bytes`).toThrow('does not read');
    }
    expect(() => decodeTorchLegacy(Buffer.concat([file, Buffer.of(0)]))).toThrow('1 bytes follow its last storage');
  });

  it('never gives anything but tensors or a refusal, whichever byte is damaged', () => {
    const opcodes = dictOf({ x: tensorOf('0', 6, 0, [3, 2], [1, 3]), y: tensorOf('1', 4, 1, [3], [1]) });
    const file = fileOf(opcodes, [stored('0', 6), stored('1', 4)]);
    expect(decodeTorchLegacy(file).get('x')?.data).toEqual(Uint8Array.of(0, 3, 1, 4, 2, 5));
    let refused = 0;
    for (let at = 0; at < file.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = file.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        try {
          decodeTorchLegacy(damaged);
        } catch (error) {
          refused++;
          expect(error, `byte ${at} ^ ${flip}: ${error}`).toMatchObject({ status: 422 });
        }
      }
    }
    expect(refused).toBeGreaterThan(file.length);
  });

  it('refuses tensors that do not fit into their storage, before it takes memory for them', () => {
    const most = 2 ** 31 - 1;
    for (const [offset, shape, strides] of [
      [0, [most], [0]],
      [0, [most, most], [0, 0]],
      [0, [most, most, most, most], [0, 0, 0, 0]],
      [0, [5], [1]],
      [1, [4], [1]],
      [4, [1], [1]],
      [0, [2], [4]],
      [0, [2, 2], [1, 3]],
      [-1, [1], [1]],
      [0, [1], [-1]],
      [0, [1], [1, 1]],
      [0, Array(9).fill(1), Array(9).fill(1)],
    ] as const) {
      const file = fileOf(dictOf({ x: tensorOf('0', 4, offset, shape, strides) }), [stored('0', 4)]);
      expect(() => decodeTorchLegacy(file), `${offset} ${shape} ${strides}`).toThrow('does not read: a tensor');
    }
    const whole = fileOf(dictOf({ x: tensorOf('0', 4, 3, [1, 0], [9, 9]) }), [stored('0', 4)]);
    expect(decodeTorchLegacy(whole).get('x')).toMatchObject({ shape: [1, 0], data: new Uint8Array() });
  });

  it('refuses many copies of one storage that together are larger than the file', () => {
    const transposed = tensorOf('0', 10_000, 0, [100, 100], [1, 100]);
    const views = Object.fromEntries(bytes(500).map(i => [`view ${i}`, i === 0 ? transposed : 'h\x01']));
    const tied = fileOf(dictOf({ ...views, 'view 0': `${transposed}q\x01` }), [stored('0', 10_000)]);
    expect(() => decodeTorchLegacy(tied)).toThrow('together they are larger than the file');
  });

  it('refuses storages that it does not list, lists twice, or lists with another size or type', () => {
    const saved = dictOf({ x: tensorOf('0', 4, 0, [4], [1]) });
    const refusal = (file: Uint8Array) => expect(() => decodeTorchLegacy(file));
    refusal(fileOf(saved, [])).toThrow('does not list the storage "0"');
    refusal(fileOf(saved, [stored('0', 4), stored('0', 4)])).toThrow('lists the storage "0"');
    refusal(fileOf(saved, [stored('1', 4)])).toThrow('lists the storage "1", which no tensor has');
    refusal(fileOf(saved, [{ key: '0', count: 5, bytes: bytes(4) }])).toThrow('another size');
    refusal(fileOf(saved, [{ key: '0', count: 4, bytes: bytes(3) }])).toThrow('cut short');
    const huge = dictOf({ x: tensorOf('0', 2 ** 31 - 1, 0, [2 ** 31 - 1], [1]) });
    refusal(fileOf(huge, [stored('0', 4)])).toThrow('cut short');
    const two = dictOf({ x: tensorOf('0', 4, 0, [4], [1]), y: tensorOf('0', 5, 0, [4], [1]) });
    refusal(fileOf(two, [stored('0', 4)])).toThrow('has two types or sizes');
  });
});
