import { expect, test } from 'vitest';
import { MessageWriter } from './protobuf.ts';
import { MessageReader } from './protobuf-reader.ts';

test('a message is read as it was written', () => {
  const bytes = new MessageWriter()
    .int(1, -3)
    .int(2, 2 ** 40 + 1)
    .string(3, 'one')
    .string(3, 'twö')
    .float(4, 0.5)
    .message(5, inner => inner.int(1, 7))
    .message(5, inner => inner.int(1, 8))
    .int(6, 1)
    .int(6, 2)
    .finish();
  const message = new MessageReader(bytes);
  expect([message.int(1), message.int(2), message.int(99)]).toEqual([-3, 2 ** 40 + 1, 0]);
  expect([message.texts(3), message.text(3), message.text(98)]).toEqual([['one', 'twö'], 'twö', '']);
  expect([message.float(4), message.float(97)]).toEqual([0.5, undefined]);
  expect(message.messages(5).map(inner => inner.int(1))).toEqual([7, 8]);
  expect(message.ints(6)).toEqual([1, 2]);
  expect([message.has(6), message.has(96)]).toEqual([true, false]);
});

test('packed numbers are read like single ones', () => {
  const floats = new Uint8Array(Float32Array.of(1, -2).buffer);
  const bytes = new MessageWriter()
    .bytes(1, Uint8Array.of(1, 0x80, 1, 3))
    .bytes(2, floats)
    .float(2, 4)
    .finish();
  const message = new MessageReader(bytes);
  expect(message.ints(1)).toEqual([1, 128, 3]);
  expect([...message.floats(2)]).toEqual([1, -2, 4]);
});

test('a field of another wire type, and a number without an end, are refused', () => {
  const message = new MessageReader(
    new MessageWriter().float(1, 1).string(2, 'x').bytes(3, Uint8Array.of(0x80)).finish(),
  );
  expect(() => message.ints(1)).toThrow('field 1 of a message of protocol buffers has another wire type');
  expect(() => message.bytes(1)).toThrow('another wire type');
  expect(() => message.floats(2)).toThrow('another wire type');
  expect(() => message.ints(3)).toThrow('has no end');
});
