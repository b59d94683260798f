import { expect, test } from 'vitest';
import { toBf16Bits, toF16Bits } from '../../formats/half.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { loadFrozenNets } from './frozen-nets.ts';

const blobs = createBlobStore(createMemoryStore());
const put = async (tensors: Parameters<typeof encodeSafetensors>[0]) =>
  (await blobs.put(encodeSafetensors(tensors))).digest;

const full = { dtype: 'f32', shape: [2], data: Float32Array.of(1.5, -2) } as const;

test('the files of a frozen net become one set of tensors in f32', async () => {
  const [first, second] = [
    await put({ full }),
    await put({
      half: { dtype: 'f16', shape: [1, 2], data: Uint16Array.of(toF16Bits(0.5), toF16Bits(3)) },
      brain: { dtype: 'bf16', shape: [1], data: Uint16Array.of(toBf16Bits(-4)) },
    }),
  ];
  expect(await loadFrozenNets(blobs, { teacher: [first, second], other: [first] })).toEqual({
    teacher: {
      full: { dtype: 'f32', shape: [2], data: Float32Array.of(1.5, -2) },
      half: { dtype: 'f32', shape: [1, 2], data: Float32Array.of(0.5, 3) },
      brain: { dtype: 'f32', shape: [1], data: Float32Array.of(-4) },
    },
    other: { full: { dtype: 'f32', shape: [2], data: Float32Array.of(1.5, -2) } },
  });
});

test('a tensor in two files of a net is refused, and counters are left out', async () => {
  const [one, two] = [await put({ full }), await put({ full, more: full })];
  await expect(loadFrozenNets(blobs, { teacher: [one, two] })).rejects.toThrow(
    'two weight files of the frozen net "teacher"',
  );
  const counts = await put({ full, counts: { dtype: 'i32', shape: [1], data: Int32Array.of(1) } });
  expect(Object.keys((await loadFrozenNets(blobs, { teacher: [counts] })).teacher ?? {})).toEqual(['full']);
});
