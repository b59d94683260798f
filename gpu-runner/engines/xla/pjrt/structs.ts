/** @file Structs of PJRT's C interface as zeroed Buffers, laid out by the generated table. */

import abi from './abi.json' with { type: 'json' };
import { type Address, addressOf, readMemory } from './ffi.ts';

type Abi = typeof abi;
export type FunctionName = keyof Abi['functions'];
export type StructName = keyof Abi['structs'];
export type FieldName<S extends StructName> = Exclude<
  keyof Abi['structs'][S]['fields'],
  'struct_size' | 'extension_start'
> &
  string;
/** The struct that a function takes. */
export type ArgsOf<F extends FunctionName> = `${F}_Args` & StructName;

/** A value for a field. An array or a struct stands for its address; null and absent fields stay 0. */
export type FieldValue = Address | number | boolean | ArrayBufferView | Struct<StructName> | null | undefined;
export type FieldValues<S extends StructName> = Readonly<Partial<Record<FieldName<S>, FieldValue>>>;

interface FieldPlace {
  readonly at: number;
  readonly bytes: number;
}
interface Layout {
  readonly size: number;
  readonly stride: number;
  readonly fields: Readonly<Record<string, FieldPlace>>;
}
const LAYOUTS: Readonly<Record<StructName, Layout>> = abi.structs;

/** One struct, or several in a row. Its memory and all that it points to live as long as it is referenced. */
export class Struct<S extends StructName> {
  readonly bytes: Buffer;
  readonly #name: S;
  readonly #layout: Layout;
  readonly #kept: unknown[] = [];

  constructor(name: S, count = 1) {
    this.#name = name;
    this.#layout = LAYOUTS[name];
    this.bytes = Buffer.alloc(Math.max(1, count) * this.#layout.stride);
    for (let i = 0; i < count; i++) {
      this.bytes.writeBigUInt64LE(BigInt(this.#layout.size), i * this.#layout.stride);
    }
  }

  /** @param index Which of several structs. */
  set(values: FieldValues<S>, index = 0): this {
    for (const [name, value] of Object.entries<FieldValue>(values)) {
      if (value !== undefined && value !== null) this.#write(this.#place(name, index), value);
    }
    return this;
  }

  /** A field as an unsigned number: an address, or a size. */
  address(name: FieldName<S>, index = 0): Address {
    return this.bytes.readBigUInt64LE(this.#place(name, index).at);
  }

  /** A field of 1, 4 or 8 bytes as a signed number (1 byte: unsigned). */
  number(name: FieldName<S>, index = 0): number {
    const { at, bytes } = this.#place(name, index);
    if (bytes === 8) return Number(this.bytes.readBigInt64LE(at));
    return bytes === 4 ? this.bytes.readInt32LE(at) : this.bytes.readUInt8(at);
  }

  float(name: FieldName<S>, index = 0): number {
    return this.bytes.readFloatLE(this.#place(name, index).at);
  }

  setFloat(name: FieldName<S>, value: number, index = 0): void {
    this.bytes.writeFloatLE(value, this.#place(name, index).at);
  }

  /** The text of two fields: its address, and its length in bytes. */
  text(name: FieldName<S>, size: FieldName<S>, index = 0): string {
    return readMemory(this.address(name, index), this.number(size, index)).toString();
  }

  #place(name: string, index: number): FieldPlace {
    const field = this.#layout.fields[name];
    if (field === undefined) throw new RangeError(`${this.#name} has no field ${name}`);
    return { at: field.at + index * this.#layout.stride, bytes: field.bytes };
  }

  #write({ at, bytes }: FieldPlace, value: Exclude<FieldValue, null | undefined>): void {
    if (typeof value === 'object') {
      this.#kept.push(value);
      this.bytes.writeBigUInt64LE(addressOf(value instanceof Struct ? value.bytes : value), at);
    } else if (bytes === 8) this.bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), at);
    else if (bytes === 4) this.bytes.writeInt32LE(Number(value), at);
    else this.bytes.writeUInt8(Number(value), at);
  }
}

/** The arrays that arrays of addresses point to: they live as long as the addresses. */
const targets = new WeakMap<ArrayBufferView, readonly ArrayBufferView[]>();

/** An array of the addresses of other arrays. */
export function pointTo(...arrays: readonly ArrayBufferView[]): BigUint64Array {
  const addresses = BigUint64Array.from(arrays, addressOf);
  targets.set(addresses, arrays);
  return addresses;
}

/** Reads `count` addresses that lie in a row. */
export function readAddresses(at: Address, count: number): Address[] {
  const bytes = readMemory(at, count * 8);
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(i * 8));
}

/** Offset of a function's address in the table. */
export function offsetOf(name: FunctionName): number {
  return abi.functions[name];
}

/** The struct that a function takes: PJRT names it after the function. */
export function argsOf<F extends FunctionName>(name: F): ArgsOf<F> {
  const struct = `${name}_Args`;
  if (!(struct in LAYOUTS)) throw new RangeError(`${name} has no struct of arguments`);
  return struct as ArgsOf<F>;
}

export const ERROR_CODES = abi.enums.PJRT_Error_Code;
export const BUFFER_TYPES = abi.enums.PJRT_Buffer_Type;
export const VALUE_TYPES = abi.enums.PJRT_NamedValue_Type;
export const HOST_SEMANTICS = abi.enums.PJRT_HostBufferSemantics;
