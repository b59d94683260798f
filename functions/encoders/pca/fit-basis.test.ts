import { expect, it } from 'vitest';
import { toF16Bits, widenF16 } from '../../../formats/half.ts';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import { eigenvectors } from '../../../numerics/eigen.ts';
import { digestOf } from '../../../storage/digest.ts';
import { fitBasis } from './fit-basis.ts';

function draw(count: number): () => number {
  let state = count;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** 200 vectors of 12 numbers around (1, 1, ...), of which 3 directions carry nearly all. */
function vectors(): Uint16Array {
  const random = draw(7);
  const axes = Array.from({ length: 3 }, () => Array.from({ length: 12 }, random));
  return Uint16Array.from(
    Array.from({ length: 200 }, () => {
      const along = axes.map((axis, k) => ({ axis, much: random() * 4 ** (2 - k) }));
      return Array.from({ length: 12 }, (_, i) =>
        along.reduce((sum, { axis, much }) => sum + much * axis[i]!, 1 + 0.01 * random()),
      );
    }).flat(),
    toF16Bits,
  );
}

it('the components carry the variance, and coordinates fill the steps and give the vectors back', () => {
  const all = vectors();
  const {
    file,
    kept,
    vectors: count,
  } = fitBasis({ parts: [all.subarray(0, 600), all.subarray(600)], dim: 12, count: 3 });
  expect([count, kept > 0.999, kept < 1]).toEqual([200, true, true]);
  const { mean, basis, steps } = decodeSafetensors(file).tensors;
  expect([mean?.shape, basis?.shape, steps?.shape]).toEqual([[12], [12, 3], [3]]);
  const wide = Float64Array.from(all, bits => new Float32Array(Uint32Array.of(f32Bits(bits)).buffer)[0]!);
  const peaks = [0, 0, 0];
  for (let row = 0; row < 200; row++) {
    const centred = Array.from({ length: 12 }, (_, i) => wide[row * 12 + i]! - mean!.data[i]!);
    const put = [0, 1, 2].map(k => centred.reduce((sum, x, i) => sum + x * basis!.data[i * 3 + k]!, 0));
    for (const [k, x] of put.entries()) peaks[k] = Math.max(peaks[k]!, Math.abs(x));
    const back = centred.map((_, i) => put.reduce((sum, x, k) => sum + x * basis!.data[i * 3 + k]!, 0));
    expect(Math.max(...back.map((x, i) => Math.abs(x - centred[i]!)))).toBeLessThan(0.05);
  }
  expect(peaks.map((peak, k) => peak / steps!.data[k]!)).toEqual([0, 1, 2].map(() => expect.closeTo(127, 2)));
});

/** f32 of a normal f16. */
function f32Bits(half: number): number {
  return ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + 0x38000000);
}

it('equal vectors give equal bytes, also in other parts', () => {
  const all = vectors();
  const once = fitBasis({ parts: [all], dim: 12, count: 3 }).file;
  const parts = [0, 1, 2, 3].map(i => all.subarray(600 * i, 600 * (i + 1)));
  expect(fitBasis({ parts, dim: 12, count: 3 }).file).toEqual(once);
  // As computed on other machines.
  expect(digestOf(once)).toMatchInlineSnapshot(
    `"sha256:32c4f4fd4f8c0db87ad2a541245d815b1531793a6d23f18363ced8c7f34a7904"`,
  );
});

it('numbers of any count and vectors of any count give the components that each sum alone gives', () => {
  const [dim, count, rows] = [13, 5, 70];
  const random = draw(11);
  const all = Uint16Array.from({ length: rows * dim }, () => toF16Bits(random()));
  const wide = new Float32Array(all.length);
  widenF16(all, wide, 0);
  const { mean, basis } = decodeSafetensors(fitBasis({ parts: [all], dim, count }).file).tensors;
  const means = Array.from({ length: dim }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += wide[row * dim + i]!;
    return sum / rows;
  });
  expect(mean?.data).toEqual(Float32Array.from(means));
  const covariance = new Float64Array(dim * dim);
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j < dim; j++) {
      for (let row = 0; row < rows; row++) {
        covariance[i * dim + j]! += ((wide[row * dim + i]! - means[i]!) * (wide[row * dim + j]! - means[j]!)) / rows;
      }
    }
  }
  const { vectors: axes } = eigenvectors(covariance, dim, count);
  const turned = Float32Array.from(
    { length: dim * count },
    (_, at) => axes[(at % count) * dim + Math.floor(at / count)]!,
  );
  expect([...(basis?.data ?? [])]).toEqual([...turned].map(x => expect.closeTo(x, 5)));
});

it('fewer vectors than components have components without variance', () => {
  const random = draw(3);
  const { file, kept } = fitBasis({
    parts: [Uint16Array.from({ length: 3 * 12 }, () => toF16Bits(random()))],
    dim: 12,
    count: 6,
  });
  expect(kept).toBeCloseTo(1, 12);
  const { basis, steps } = decodeSafetensors(file).tensors;
  const lengths = Array.from({ length: 6 }, (_, k) =>
    Array.from({ length: 12 }, (_, i) => basis!.data[i * 6 + k]!).reduce((sum, x) => sum + x * x, 0),
  );
  expect(lengths).toEqual(lengths.map(() => expect.closeTo(1, 5)));
  const [first = 0, , , ...rest] = steps?.data ?? [];
  expect(rest.every(step => step > 0 && step < 1e-5 * first)).toBe(true);
});

it('numbers that are not finite are refused', () => {
  const parts = [Uint16Array.of(0x3c00, 0x7c00, 0x3c00, 0x3c00)];
  expect(() => fitBasis({ parts, dim: 2, count: 1 })).toThrow('infinite or undefined in float16');
});

it('vectors that are all equal have components without variance, and steps that can be divided by', () => {
  const { file, kept } = fitBasis({ parts: [new Uint16Array(24).fill(0x3c00)], dim: 4, count: 2 });
  expect(kept).toBe(1);
  expect([...(decodeSafetensors(file).tensors.steps?.data ?? [])].every(step => step > 0)).toBe(true);
});
