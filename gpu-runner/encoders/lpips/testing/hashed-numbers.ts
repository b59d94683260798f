/** @file Weights and pictures that tools/make-lpips-goldens.py makes, too: element i is a hash of i and of a name. */
import type { LpipsNet } from '../../../../configs/lpips.ts';
import { type Shape, sizeOf, type Tensor } from '../../../compiler/tensor.ts';

/** Numbers in [0, 1). */
function uniform(name: string, size: number): Float32Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  return Float32Array.from({ length: size }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + seed) >>> 0;
    for (let round = 0; round < 2; round++) x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  });
}

/** A picture in [-1, 1). */
export function hashedPicture(name: string, shape: Shape): Tensor {
  return { shape, dtype: 'f32', data: uniform(name, sizeOf(shape)).map(u => u * 2 - 1) };
}

/** A parameter of a net: features keep about their size from layer to layer. */
export function hashedWeight(net: LpipsNet, name: string, shape: Shape): Tensor {
  const u = uniform(`${net}.${name}`, sizeOf(shape));
  if (name.startsWith('lin')) return { shape, dtype: 'f32', data: u };
  const scale = name.endsWith('bias') ? 0.25 : Math.fround(Math.sqrt(24 / sizeOf(shape.slice(1))));
  return { shape, dtype: 'f32', data: u.map(x => (x - 0.5) * scale) };
}
