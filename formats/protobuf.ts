/** @file The protocol buffers wire format (protobuf.dev/programming-guides/encoding): as much of it as ONNX and TensorBoard need. */

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

  /** The number of bytes since `start`, put before them. */
  #insertLength(start: number): void {
    const length = this.#length - start;
    this.#varint(length);
    const head = this.#buffer.slice(start + length, this.#length);
    this.#buffer.copyWithin(start + head.length, start, start + length);
    this.#buffer.set(head, start);
  }

  /** Seven bits a byte, the lowest first; a whole number, negative ones as their two's complement of 64 bits. */
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
