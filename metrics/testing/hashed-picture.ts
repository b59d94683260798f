/** @file Pictures that metrics/testdata/make-metric-goldens.py makes, too. */
import type { Picture } from '../picture-distance.ts';

/** A slope of each colour under noise, which is a hash of the name and of the place. */
export function hashedPicture(name: string, width: number, height: number, slope: number): Picture {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + seed) >>> 0;
    for (let round = 0; round < 2; round++) x = Math.imul(x ^ (x >>> 16), 0x45d9f3b) >>> 0;
    const noise = ((x ^ (x >>> 16)) >>> 0) % 48;
    const [pixel, color] = [Math.floor(i / 3), i % 3];
    return ((pixel % width) * slope + Math.floor(pixel / width) * 2 + color * 40 + noise) % 256;
  });
  return { data, width, height };
}
