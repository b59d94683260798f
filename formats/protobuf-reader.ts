/** @file Reads the fields of one message of protocol buffers, by number. The counterpart of MessageWriter. */
import { InvalidInput } from '../errors.ts';
import { type FieldPlace, scanFields } from './protobuf.ts';

/** Wire types of numbers. A field of many numbers may also be packed into bytes. */
const WIRE = { varint: 0, packed: 2, fixed32: 5 } as const;

const decoder = new TextDecoder();

export class MessageReader {
  readonly #bytes: Uint8Array;
  readonly #fields: ReadonlyMap<number, readonly FieldPlace[]>;

  /** @throws InvalidInput for bytes that are not a message. */
  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.#fields = Map.groupBy(scanFields(bytes, from, to), ({ field }) => field);
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  /** The last value of an int64, int32, enum or bool field; 0 if there is none. Beyond 2 ** 53 the nearest number. */
  int(field: number): number {
    return this.ints(field).at(-1) ?? 0;
  }

  /** All values of a repeated integer field, packed or not. */
  ints(field: number): number[] {
    return this.#places(field).flatMap(place => {
      if (this.#wireOf(place) === WIRE.varint) return [this.#varint(place.body).value];
      if (this.#wireOf(place) !== WIRE.packed) throw unexpected(place);
      const values: number[] = [];
      for (let at = place.body; at < place.end; ) {
        const { value, next } = this.#varint(at);
        values.push(value);
        at = next;
      }
      return values;
    });
  }

  /** The last value of a float field; undefined if there is none. */
  float(field: number): number | undefined {
    return this.floats(field).at(-1);
  }

  /** All values of a repeated float field, packed or not. @throws InvalidInput */
  floats(field: number): Float32Array {
    const parts = this.#places(field).map(place => {
      const wire = this.#wireOf(place);
      const size = place.end - place.body;
      if ((wire !== WIRE.fixed32 && wire !== WIRE.packed) || size % 4 !== 0) throw unexpected(place);
      return new Float32Array(new Uint8Array(this.#bytes.subarray(place.body, place.end)).buffer);
    });
    const [only] = parts;
    if (parts.length === 1 && only) return only;
    return Float32Array.from(parts.flatMap(part => [...part]));
  }

  /** The last value of a bytes field, without a copy; undefined if there is none. */
  bytes(field: number): Uint8Array | undefined {
    return this.#bodies(field).at(-1);
  }

  /** The last text of a string field; empty if there is none. */
  text(field: number): string {
    return this.texts(field).at(-1) ?? '';
  }

  texts(field: number): string[] {
    return this.#bodies(field).map(body => decoder.decode(body));
  }

  /** The messages of a field, in order. */
  messages(field: number): MessageReader[] {
    return this.#bodies(field).map(body => new MessageReader(body));
  }

  #places(field: number): readonly FieldPlace[] {
    return this.#fields.get(field) ?? [];
  }

  #bodies(field: number): Uint8Array[] {
    return this.#places(field).map(place => {
      if (this.#wireOf(place) !== WIRE.packed) throw unexpected(place);
      return this.#bytes.subarray(place.body, place.end);
    });
  }

  #wireOf({ start }: FieldPlace): number {
    return (this.#bytes[start] ?? 0) & 7;
  }

  /** Two's complement of 64 bits, as int64 and int32 are written. */
  #varint(from: number): { readonly value: number; readonly next: number } {
    let bits = 0n;
    let at = from;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[at++];
      if (byte === undefined || shift > 63n) throw new InvalidInput('a number of protocol buffers has no end');
      bits |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return { value: Number(BigInt.asIntN(64, bits)), next: at };
  }
}

function unexpected({ field }: FieldPlace): InvalidInput {
  return new InvalidInput(`field ${field} of a message of protocol buffers has another wire type than expected`);
}
