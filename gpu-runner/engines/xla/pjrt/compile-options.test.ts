import { expect, it } from 'vitest';
import { encodeCompileOptions } from './compile-options.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const entry = (name: string, value: string) => {
  const key = `0a${hex(Uint8Array.of(name.length))}${hex(Buffer.from(name))}`;
  const body = `${key}12${hex(Uint8Array.of(value.length / 2))}${value}`;
  return `3a${hex(Uint8Array.of(body.length / 2))}${body}`;
};
const ONE_DEVICE = '1a0420012801';

it('options without a flag say one replica and one partition', () => {
  expect(hex(encodeCompileOptions())).toBe(ONE_DEVICE);
});

it('options name the devices of a program on several devices', () => {
  expect(hex(encodeCompileOptions({ devices: [0, 1] }))).toBe('1a10200228014a0a080210011a040a020001');
  expect(hex(encodeCompileOptions({ devices: [300] }))).toContain('0a02ac02');
});

it('a flag is an integer, a truth value, a text or a double, and 0 and false are written', () => {
  const flags = { xla_gpu_autotune_level: 0, a: false, b: true, c: '', d: 'True', e: 0.5 };
  const expected = [
    entry('xla_gpu_autotune_level', '1800'),
    entry('a', '1000'),
    entry('b', '1001'),
    entry('c', '0a00'),
    entry('d', '0a0454727565'),
    entry('e', '21000000000000e03f'),
  ];
  expect(hex(encodeCompileOptions({ flags }))).toBe(ONE_DEVICE + expected.join(''));
});

it('options for no device are refused, since XLA would end the process', () => {
  expect(() => encodeCompileOptions({ devices: [] })).toThrow('a program needs a device');
});
