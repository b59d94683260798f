import { describe, expect, it } from 'vitest';
import { MessageWriter, scanFields } from './protobuf.ts';

const hexOf = (writer: MessageWriter) => Buffer.from(writer.finish()).toString('hex');

/** Bytes that protoc writes (protobuf.dev/programming-guides/encoding). */
describe('MessageWriter', () => {
  it.each([
    [0, '0800'],
    [127, '087f'],
    [150, '089601'],
    [2 ** 32, '088080808010'],
    [Number.MAX_SAFE_INTEGER, '08ffffffffffffff0f'],
    [-1, '08ffffffffffffffffff01'],
    [-2, '08feffffffffffffffff01'],
  ])('writes %d as a varint', (value, expected) => {
    expect(hexOf(new MessageWriter().int(1, value))).toBe(expected);
  });

  it('writes floats, doubles and strings', () => {
    expect(hexOf(new MessageWriter().float(2, 1.5))).toBe('150000c03f');
    expect(hexOf(new MessageWriter().double(16, -2))).toBe('810100000000000000c0');
    expect(hexOf(new MessageWriter().string(2, 'testing'))).toBe('120774657374696e67');
  });

  it('writes messages in messages, also long ones', () => {
    const writer = new MessageWriter().message(3, outer => outer.int(1, 150).message(2, inner => inner.int(1, 1)));
    expect(hexOf(writer)).toBe('1a0708960112020801');
    const long = new MessageWriter().message(1, inner => inner.bytes(1, new Uint8Array(5000)));
    expect(long.finish().subarray(0, 6)).toEqual(Uint8Array.of(0x0a, 0x8b, 0x27, 0x0a, 0x88, 0x27));
    expect(long.finish().length).toBe(5006);
  });
});

describe('scanFields', () => {
  const bytes = new MessageWriter().int(1, 300).float(2, 1).double(16, 2).string(3, 'text').int(4, -1).finish();

  it('finds all written fields', () => {
    const found = [...scanFields(bytes)];
    expect(found.map(({ field }) => field)).toEqual([1, 2, 16, 3, 4]);
    expect(found.map(({ start }) => start)).toEqual([0, ...found.slice(0, -1).map(({ end }) => end)]);
    const text = found[3];
    expect(new TextDecoder().decode(bytes.subarray(text?.body, text?.end))).toBe('text');
  });

  it.each([1, 5, 10, 17, 21])('refuses a message cut off after %d bytes', length => {
    expect(() => [...scanFields(bytes.subarray(0, length))]).toThrow('ends within a field');
  });

  it('refuses bytes with an unknown wire type', () => {
    expect(() => [...scanFields(Uint8Array.of(0x0b, 0))]).toThrow('wire type 3');
  });
});
