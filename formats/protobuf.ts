/** @file The protocol buffers wire format (protobuf.dev/programming-guides/encoding): as much of it as ONNX and TensorBoard need. */

/** Appends fields of one message to a growing buffer. */
export class MessageWriter {
  #buffer = new Uint8Array(256);
  #length = 0;

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Wire type 0; negative numbers take ten bytes, as int64 does. */
  int(field: number, value: number): this {
    this.#varint(BigInt(field) << 3n);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** Wire type 5: IEEE 754 binary32. */
  float(field: number, value: number): this {
    this.#varint((BigInt(field) << 3n) | 5n);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** Wire type 1: IEEE 754 binary64. */
  double(field: number, value: number): this {
    this.#varint((BigInt(field) << 3n) | 1n);
    this.#append(new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }

  /** Wire type 2. */
  bytes(field: number, value: Uint8Array): this {
    this.#varint((BigInt(field) << 3n) | 2n);
    this.#varint(BigInt(value.length));
    this.#append(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, write: (writer: MessageWriter) => void): this {
    const inner = new MessageWriter();
    write(inner);
    return this.bytes(field, inner.#buffer.subarray(0, inner.#length));
  }

  #varint(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest === 0n ? low : low | 0x80);
    } while (rest !== 0n);
    this.#append(Uint8Array.from(bytes));
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }
}
