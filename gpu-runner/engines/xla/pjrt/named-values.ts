/** @file Options of a client and attributes of plugins and devices: PJRT_NamedValue, in both directions. */

import abi from './abi.json' with { type: 'json' };
import { type Address, readMemory } from './ffi.ts';
import { type FieldValues, Struct, VALUE_TYPES } from './structs.ts';

/** A `number` becomes a 32-bit float, a `bigint` a 64-bit integer. */
export type NamedValue = string | boolean | bigint | number | readonly bigint[];
export type NamedValues = Readonly<Record<string, NamedValue>>;

const NAMED_VALUE = 'PJRT_NamedValue';
const { stride: STRIDE } = abi.structs.PJRT_NamedValue;
type Fields = FieldValues<typeof NAMED_VALUE>;

/** An array of PJRT_NamedValue. */
export function packNamedValues(values: NamedValues): Struct<typeof NAMED_VALUE> {
  const entries = Object.entries(values);
  const array = new Struct(NAMED_VALUE, entries.length);
  for (const [i, [name, value]] of entries.entries()) {
    const key = Buffer.from(name);
    array.set({ name: key, name_size: key.length, ...packValue(value) }, i);
    if (typeof value === 'number') array.setFloat('float_value', value, i);
  }
  return array;
}

function packValue(value: NamedValue): Fields {
  switch (typeof value) {
    case 'string': {
      const text = Buffer.from(value);
      return { type: VALUE_TYPES.PJRT_NamedValue_kString, string_value: text, value_size: text.length };
    }
    case 'boolean':
      return { type: VALUE_TYPES.PJRT_NamedValue_kBool, bool_value: value, value_size: 1 };
    case 'bigint':
      return { type: VALUE_TYPES.PJRT_NamedValue_kInt64, int64_value: value, value_size: 1 };
    case 'number':
      return { type: VALUE_TYPES.PJRT_NamedValue_kFloat, value_size: 1 };
    default: {
      const list = BigInt64Array.from(value);
      return { type: VALUE_TYPES.PJRT_NamedValue_kInt64List, int64_array_value: list, value_size: list.length };
    }
  }
}

/** Reads an array of PJRT_NamedValue out of native memory. */
export function readNamedValues(at: Address, count: number): Record<string, NamedValue> {
  const array = new Struct(NAMED_VALUE, count);
  readMemory(at, count * STRIDE).copy(array.bytes);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [array.text('name', 'name_size', i), readValue(array, i)]),
  );
}

function readValue(array: Struct<typeof NAMED_VALUE>, i: number): NamedValue {
  switch (array.number('type', i)) {
    case VALUE_TYPES.PJRT_NamedValue_kString:
      return array.text('string_value', 'value_size', i);
    case VALUE_TYPES.PJRT_NamedValue_kInt64:
      return BigInt.asIntN(64, array.address('int64_value', i));
    case VALUE_TYPES.PJRT_NamedValue_kFloat:
      return array.float('float_value', i);
    case VALUE_TYPES.PJRT_NamedValue_kBool:
      return array.number('bool_value', i) !== 0;
    default: {
      const length = array.number('value_size', i);
      const bytes = readMemory(array.address('int64_array_value', i), length * 8);
      return Array.from({ length }, (_, j) => bytes.readBigInt64LE(j * 8));
    }
  }
}
