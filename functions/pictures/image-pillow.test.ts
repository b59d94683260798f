/** Scaling and cropping beside Pillow's, as the original project uses it. The numbers are in docs/pictures.md. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeNpy } from '../../formats/npy.ts';
import { centreWindow } from './crop.ts';
import { FILTERS, type Filter } from './filters.ts';
import { type CropWindow, encodePng, windowRgb } from './image.ts';
import type { RgbImage } from './planar.ts';

const read = (name: string) => readFile(new URL(`./testdata/${name}`, import.meta.url));

const goldensSchema = z.object({
  every: z.int(),
  rows: z.array(
    z.object({
      filter: z.enum(FILTERS),
      width: z.int(),
      height: z.int(),
      bucket: z.tuple([z.int(), z.int()]),
      offset: z.int(),
    }),
  ),
});
const goldens = goldensSchema.parse(JSON.parse((await read('pillow-resize.json')).toString()));
const { data: pixels } = decodeNpy(await read('pillow-resize.npy'));

/** The formula of make-resize-goldens.py. */
function draw(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  const fold = (v: number, period: number) => Math.floor((Math.abs((v % period) * 2 - period) * 255) / period);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isEven = (Math.floor(x / 24) + Math.floor(y / 24)) % 2 === 0;
      data.set(
        [
          fold(x * 3 + y, 997),
          fold(y * 2 + Math.floor((x * x) / 512), 331),
          isEven ? fold(x + y, 461) : 255 - fold(y, 343),
        ],
        3 * (y * width + x),
      );
    }
  }
  return { data, width, height };
}

type Row = (typeof goldens.rows)[number];

/** The window of the original project: sides rounded up, the middle rounded down. */
function pillowWindow({ width: w, height: h, bucket: [width, height] }: Row): CropWindow {
  const scale = Math.max(width / w, height / h);
  const scaled = { width: Math.ceil(w * scale), height: Math.ceil(h * scale) };
  return { scaled, left: (scaled.width - width) >> 1, top: (scaled.height - height) >> 1, width, height };
}

const drawn = new Map<string, Promise<Uint8Array>>();

function drawPng({ width, height }: Row): Promise<Uint8Array> {
  const key = `${width} x ${height}`;
  const png = drawn.get(key) ?? encodePng(draw(width, height));
  drawn.set(key, png);
  return png;
}

const isEnlarged = ({ width, bucket: [w] }: Row) => w > width;
/** libvips averages squares of pixels first when a picture becomes much smaller. */
const isShrunkMuch = ({ width, bucket: [w] }: Row) => width > 8 * w;

/** Mean difference of all pixels, of 255. */
async function compare(rows: readonly Row[], filter: Filter): Promise<number> {
  let [sum, count] = [0, 0];
  for (const row of rows) {
    const [width, height] = row.bucket;
    const { data } = await windowRgb(await drawPng(row), pillowWindow(row), filter);
    let at = row.offset;
    for (let y = 0; y < height; y += goldens.every) {
      for (let x = 0; x < 3 * width; x++) {
        sum += Math.abs((data[3 * y * width + x] ?? 0) - Number(pixels[at++]));
        count++;
      }
    }
  }
  return sum / count;
}

const rowsOf = (filter: Filter, isWanted: (row: Row) => boolean) =>
  goldens.rows.filter(row => row.filter === filter && isWanted(row));

test.each(['linear', 'cubic', 'lanczos3'] as const)('%s is the filter of that kernel in Pillow', async filter => {
  const usual = rowsOf(filter, row => !isEnlarged(row) && !isShrunkMuch(row));
  expect(usual).toHaveLength(3);
  expect(await compare(usual, filter)).toBeLessThan(0.3);
  expect(await compare(rowsOf(filter, isShrunkMuch), filter)).toBeLessThan(1.5);
  expect(await compare(rowsOf(filter, isEnlarged), filter)).toBeLessThan(2.5);
});

test('nearest takes the same pixels as Pillow', async () => {
  expect(
    await compare(
      rowsOf('nearest', row => !isEnlarged(row) && !isShrunkMuch(row)),
      'nearest',
    ),
  ).toBe(0);
});

test('another kernel is farther from that of Pillow', async () => {
  const rows = rowsOf('cubic', row => !isEnlarged(row) && !isShrunkMuch(row));
  const same = await compare(rows, 'cubic');
  for (const other of ['linear', 'lanczos3', 'mitchell', 'nearest'] as const) {
    expect(await compare(rows, other), other).toBeGreaterThan(2 * same);
  }
});

test('the window about the centre lies at most a pixel aside of that of the original project', () => {
  for (const row of goldens.rows) {
    const [theirs, [width, height]] = [pillowWindow(row), row.bucket];
    const ours = centreWindow({ width, height }, row);
    for (const [mine, other] of [
      [ours.left, theirs.left],
      [ours.top, theirs.top],
      [ours.scaled.width, theirs.scaled.width],
      [ours.scaled.height, theirs.scaled.height],
    ] as const) {
      expect(Math.abs(mine - other)).toBeLessThanOrEqual(1);
    }
  }
});
