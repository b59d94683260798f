/**
 * @file A drawn stand-in for a photograph: light that changes smoothly, shapes, and grain as of a film. With the grain,
 * its JPEG takes as long to decode as that of a camera. The number decides every pixel.
 */
import { createHash } from 'node:crypto';
import type { RgbImage } from '../../functions/pictures/planar.ts';
import { RandomStream } from '../../numerics/random-stream.ts';

/** Side of the small picture that is enlarged. */
const SMALL = 32;
const SHAPES = 12;
/** Numbers of the grain that all photographs read, each from another place on. */
const GRAIN_NUMBERS = 2 ** 20;
/** Standard deviation of the grain, of 255. */
const GRAIN = 2;
/** Steps between two pixels of the small picture. */
const STEPS = 256;

const grain = drawGrain();

function drawGrain(): Int8Array {
  const normal = new Float32Array(GRAIN_NUMBERS);
  new RandomStream(1, 'sample').fillNormal(normal);
  return Int8Array.from(normal, value => Math.round(GRAIN * value));
}

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

export function drawPhotograph(number: number, width: number, height: number): RgbImage {
  const draw = drawFrom(`photograph ${number}`);
  return enlarge(drawSmall(draw), width, height, Math.floor(draw() * GRAIN_NUMBERS));
}

/** Light between four corners, with shapes that let some of it through. [SMALL, SMALL, 3] */
function drawSmall(draw: () => number): Float64Array {
  const corners = Array.from({ length: 4 }, () => [255 * draw(), 255 * draw(), 255 * draw()]);
  const shapes = Array.from({ length: SHAPES }, () => ({
    ...{ x: draw(), y: draw(), rx: 0.05 + 0.25 * draw(), ry: 0.05 + 0.25 * draw() },
    color: [255 * draw(), 255 * draw(), 255 * draw()],
  }));
  const data = new Float64Array(SMALL * SMALL * 3);
  for (let i = 0; i < SMALL * SMALL; i++) {
    const [x, y] = [(i % SMALL) / (SMALL - 1), Math.floor(i / SMALL) / (SMALL - 1)];
    const shape = shapes.findLast(each => ((x - each.x) / each.rx) ** 2 + ((y - each.y) / each.ry) ** 2 < 1);
    const shares = [(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x];
    for (let c = 0; c < 3; c++) {
      const light = corners.reduce((sum, corner, k) => sum + corner[c]! * shares[k]!, 0);
      data[3 * i + c] = shape ? 0.7 * shape.color[c]! + 0.3 * light : light;
    }
  }
  return data;
}

/**
 * Enlarges linearly, and adds grain from a place of it on. A grain has 2 x 2 pixels.
 * @param width Even, as `height`.
 */
function enlarge(small: Float64Array, width: number, height: number, from: number): RgbImage {
  const data = new Uint8ClampedArray(width * height * 3);
  const columns = placesOf(width / 2);
  const rows = placesOf(height / 2);
  const row = new Int32Array(SMALL * 3);
  const bytes = width * 3;
  for (let y = 0; y < rows.length; y++) {
    blendRows(small, row, rows[y]!);
    const start = 2 * y * bytes;
    const noise = from + y * columns.length;
    for (let x = 0, at = start; x < columns.length; x++, at += 6) {
      const share = columns[x]! & (STEPS - 1);
      const left = 3 * (columns[x]! >> 8);
      const add = grain[(noise + x) & (GRAIN_NUMBERS - 1)]!;
      data[at] = data[at + 3] = add + ((row[left]! * STEPS + (row[left + 3]! - row[left]!) * share) >> 16);
      data[at + 1] = data[at + 4] = add + ((row[left + 1]! * STEPS + (row[left + 4]! - row[left + 1]!) * share) >> 16);
      data[at + 2] = data[at + 5] = add + ((row[left + 2]! * STEPS + (row[left + 5]! - row[left + 2]!) * share) >> 16);
    }
    data.copyWithin(start + bytes, start, start + bytes);
  }
  return { data: new Uint8Array(data.buffer), width, height };
}

/** For each of `side` grains, its place between the pixels of the small picture, in steps. */
function placesOf(side: number): Int32Array {
  const most = (SMALL - 1) * STEPS - 1;
  return Int32Array.from({ length: side }, (_, i) => Math.floor((i * most) / (side - 1)));
}

/** One row between two rows of the small picture, in 256ths. */
function blendRows(small: Float64Array, row: Int32Array, place: number): void {
  const share = (place & (STEPS - 1)) / STEPS;
  const top = (place >> 8) * row.length;
  for (let i = 0; i < row.length; i++) {
    const a = small[top + i]!;
    row[i] = STEPS * (a + (small[top + row.length + i]! - a) * share);
  }
}
