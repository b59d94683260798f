/**
 * @file Draws files that stand for photographs of 2 megapixels: smooth light, soft shapes, no two alike, JPEG of at
 * most 200 kB. `node bench/data/make-photographs.ts FOLDER COUNT`; goes on where it stopped.
 */
import { createHash } from 'node:crypto';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { enlargeJpeg } from '../../functions/pictures/image.ts';
import type { RgbImage } from '../../functions/pictures/planar.ts';
import { mapBounded } from '../../storage/map-bounded.ts';

/** Width and height in pixels: landscape, portrait, square, wide. */
const SIZES = [
  [1632, 1224],
  [1224, 1632],
  [1416, 1416],
  [1888, 1062],
] as const;
/** Side of the small picture that is enlarged. */
const SMALL = 48;
const SHAPES = 12;
const QUALITY = 80;
const MOST_BYTES = 200_000;
const AT_ONCE = 2;

/** Numbers of 0 to 1 that follow from the seed. */
function drawFrom(seed: string): () => number {
  let block = Buffer.alloc(0);
  let used = 0;
  let count = 0;
  return () => {
    if (used + 2 > block.length) {
      block = createHash('sha256').update(`${seed} ${count++}`).digest();
      used = 0;
    }
    used += 2;
    return block.readUInt16LE(used - 2) / 2 ** 16;
  };
}

function drawSmall(seed: string): RgbImage {
  const draw = drawFrom(seed);
  const corners = Array.from({ length: 4 }, () => [255 * draw(), 255 * draw(), 255 * draw()]);
  const shapes = Array.from({ length: SHAPES }, () => ({
    ...{ x: draw(), y: draw(), rx: 0.05 + 0.25 * draw(), ry: 0.05 + 0.25 * draw() },
    color: [255 * draw(), 255 * draw(), 255 * draw()],
  }));
  const data = new Uint8Array(SMALL * SMALL * 3);
  for (let i = 0; i < SMALL * SMALL; i++) {
    const [x, y] = [(i % SMALL) / (SMALL - 1), Math.floor(i / SMALL) / (SMALL - 1)];
    const shape = shapes.findLast(each => ((x - each.x) / each.rx) ** 2 + ((y - each.y) / each.ry) ** 2 < 1);
    for (let c = 0; c < 3; c++) {
      const [a = 0, b = 0, d = 0, e = 0] = corners.map(corner => corner[c] ?? 0);
      const light = (1 - y) * ((1 - x) * a + x * b) + y * ((1 - x) * d + x * e);
      data[3 * i + c] = shape ? 0.7 * (shape.color[c] ?? 0) + 0.3 * light : light;
    }
  }
  return { data, width: SMALL, height: SMALL };
}

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
    const jpeg = await enlargeJpeg(drawSmall(`photograph ${number}`), width, height, QUALITY);
    if (jpeg.length > MOST_BYTES) throw new RangeError(`photograph ${number} has ${jpeg.length} bytes`);
    await writeFile(`${path}.jpg`, jpeg);
    await writeFile(`${path}.txt`, `photograph number ${number}`);
  });
}

const [, program = '', folder = '', count = '0'] = process.argv;
if (import.meta.url === pathToFileURL(program).href) await makePhotographs(folder, Number(count));
