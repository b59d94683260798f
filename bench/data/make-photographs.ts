/**
 * @file Draws files that stand for photographs of 2 megapixels, no two alike, as JPEG of at most 200 kB.
 * `node bench/data/make-photographs.ts FOLDER COUNT`; goes on where it stopped.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encodeJpeg } from '../../functions/pictures/image.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { drawPhotograph } from './draw-photograph.ts';

/** Width and height in pixels: landscape, portrait, square, wide. */
const SIZES = [
  [1632, 1224],
  [1224, 1632],
  [1416, 1416],
  [1888, 1062],
] as const;
const QUALITY = 80;
const MOST_BYTES = 200_000;
/** One is drawn while others are encoded and written. */
const AT_ONCE = 3;

/** Writes `photo-000000.jpg` and so on, with a caption beside each. */
export async function makePhotographs(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const numbers = Array.from({ length: count }, (_, i) => i);
  await mapBounded(numbers, { width: AT_ONCE }, async number => {
    const path = join(folder, `photo-${String(number).padStart(6, '0')}`);
    const isThere = await stat(`${path}.txt`).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    const [width, height] = SIZES[number % SIZES.length] ?? SIZES[0];
    const jpeg = await encodeJpeg(drawPhotograph(number, width, height), QUALITY);
    if (jpeg.length > MOST_BYTES) throw new RangeError(`photograph ${number} has ${jpeg.length} bytes`);
    await writeFile(`${path}.jpg`, jpeg);
    await writeFile(`${path}.txt`, `photograph number ${number}`);
  });
}

const [, program = '', folder = '', count = '0'] = process.argv;
if (import.meta.url === pathToFileURL(program).href) await makePhotographs(folder, Number(count));
