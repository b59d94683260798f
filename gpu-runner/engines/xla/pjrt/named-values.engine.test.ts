import { expect, it } from 'vitest';
import { addressOf } from './ffi.ts';
import { type NamedValues, packNamedValues, readNamedValues } from './named-values.ts';

it('options of every type are read back from memory', () => {
  const options: NamedValues = {
    allocator: 'bfc',
    empty: '',
    preallocate: true,
    off: false,
    cpu_device_count: 4n,
    negative: -(2n ** 40n),
    memory_fraction: 0.75,
    visible_devices: [0n, 3n],
    none: [],
  };
  const array = packNamedValues(options);
  expect(readNamedValues(addressOf(array.bytes), Object.keys(options).length)).toEqual(options);
  expect(readNamedValues(addressOf(packNamedValues({}).bytes), 0)).toEqual({});
});
