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

/** The files of a photograph: the picture, and its caption, which is written last. */
export function namesOfPhotograph(number: number): readonly [picture: string, caption: string] {
  const name = `photo-${String(number).padStart(6, '0')}`;
  return [`${name}.jpg`, `${name}.txt`];
}

/**
 * Writes `photo-000000.jpg` and so on, with a caption beside each.
 * @param divisor Divides the sides: for a quick look at what the number of pictures takes.
 */
export async function makePhotographs(folder: string, count: number, divisor = 1): Promise<void> {
  await mkdir(folder, { recursive: true });
  const numbers = Array.from({ length: count }, (_, i) => i);
  await mapBounded(numbers, { width: AT_ONCE }, async number => {
    const [picture, caption] = namesOfPhotograph(number).map(name => join(folder, name)) as [string, string];
    const isThere = await stat(caption).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    const size = SIZES[number % SIZES.length] ?? SIZES[0];
    const [width, height] = size.map(side => 2 * Math.round(side / divisor / 2)) as [number, number];
    const jpeg = await encodeJpeg(drawPhotograph(number, width, height), QUALITY);
    if (jpeg.length > MOST_BYTES) throw new RangeError(`photograph ${number} has ${jpeg.length} bytes`);
    await writeFile(picture, jpeg);
    await writeFile(caption, `photograph number ${number}`);
  });
}

const [, program = '', folder = '', count = '0'] = process.argv;
if (import.meta.url === pathToFileURL(program).href) await makePhotographs(folder, Number(count));
