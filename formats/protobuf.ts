/**
 * @file The part of the protocol buffers wire format (protobuf.dev/programming-guides/encoding) that ONNX and
 * TensorBoard need.
 */
import { InvalidInput } from '../errors.ts';

const encoder = new TextEncoder();

/** Appends fields of one message to a growing buffer. */
export class MessageWriter {
  #buffer = new Uint8Array(1024);
  #length = 0;

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Wire type 0; negative numbers take ten bytes, as int64 does. */
  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  /** Wire type 5: IEEE 754 binary32. */
  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** Wire type 1: IEEE 754 binary64. */
  double(field: number, value: number): this {
    this.#varint(field * 8 + 1);
    this.#append(new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }

  /** Wire type 2. */
  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#append(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  message(field: number, write: (writer: MessageWriter) => void): this {
    this.#varint(field * 8 + 2);
    const start = this.#length;
    write(this);
    this.#insertLength(start);
    return this;
  }

  /** Inserts the number of bytes since `start` before them. */
  #insertLength(start: number): void {
    const length = this.#length - start;
    this.#varint(length);
    const head = this.#buffer.slice(start + length, this.#length);
    this.#buffer.copyWithin(start + head.length, start, start + length);
    this.#buffer.set(head, start);
  }

  /** A whole number, seven bits per byte, lowest first; a negative one as the two's complement of 64 bits. */
  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    if (value < 0) {
      let bits = BigInt.asUintN(64, BigInt(value));
      for (; bits > 0x7fn; bits >>= 7n) this.#buffer[this.#length++] = Number(bits & 0x7fn) | 0x80;
      rest = Number(bits);
    }
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#buffer[this.#length++] = (rest % 128) | 0x80;
    this.#buffer[this.#length++] = rest;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** The position of a field in a message. */
export interface FieldPlace {
  readonly field: number;
  /** First byte of its tag. */
  readonly start: number;
  /** First byte of the value; for wire type 2, behind the length. */
  readonly body: number;
  /** The byte behind the last byte. */
  readonly end: number;
}

/** The fields of one message, in order. @throws InvalidInput for bytes that are not a message. */
export function* scanFields(bytes: Uint8Array, from = 0, to: number = bytes.length): Generator<FieldPlace> {
  let at = from;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || at > to) throw new InvalidInput('a message of protocol buffers ends within a field');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < to) {
    const start = at;
    const tag = varint();
    let body = at;
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        body = at;
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new InvalidInput(`wire type ${tag % 8} is unknown to protocol buffers`);
    }
    if (at > to) throw new InvalidInput('a message of protocol buffers ends within a field');
    yield { field: Math.floor(tag / 8), start, body, end: at };
  }
}
