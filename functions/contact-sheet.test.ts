import { expect, test } from 'vitest';
import { type Digest, digestOf } from '../storage/digest.ts';
import { decodeRgb, encodePng } from './pictures/image.ts';
import type { RgbImage } from './pictures/planar.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const NO_LIMITS = { maxBytes: 1e8, maxPixels: 1e8, minSide: 1, maxAspect: 1000 };

async function putColor(lab: PictureLab, color: readonly [number, number, number], side = 8): Promise<Digest> {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => color[i % 3] ?? 0);
  return (await lab.blobs.put(await encodePng({ data, width: side, height: side }), 'image/png')).digest;
}

async function drawSheet(lab: PictureLab, body: Parameters<PictureLab['executor']['call']>[1]): Promise<RgbImage> {
  const answer = await lab.executor.call('contact-sheet', body);
  return decodeRgb(await lab.blobs.get(outputOf(answer, 'image')), NO_LIMITS);
}

function at({ data, width }: RgbImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

/** Pixels darker than the paper in a rectangle. */
function ink(image: RgbImage, left: number, top: number, width: number, height: number): number {
  let count = 0;
  for (let y = top; y < top + height; y++)
    for (let x = left; x < left + width; x++) if ((at(image, x, y)[0] ?? 255) < 160) count++;
  return count;
}

test('pictures lie in rows with their labels under them', async () => {
  const lab = createPictureLab();
  const [red, green] = [await putColor(lab, [200, 0, 0]), await putColor(lab, [0, 200, 0])];
  const sheet = await drawSheet(lab, {
    columns: 2,
    cell: 64,
    cells: [{ image: red, label: 'a red square' }, { image: green }, { label: 'nothing here' }, { image: green }],
  });
  expect(sheet.width).toBe(24 + 64 + 16 + 64 + 24);
  expect(at(sheet, 24 + 32, 24 + 32)).toEqual([200, 0, 0]);
  expect(at(sheet, 24 + 64 + 16 + 32, 24 + 32)).toEqual([0, 200, 0]);
  // Text under the first, none under the second.
  expect(ink(sheet, 24, 24 + 64, 64, 30)).toBeGreaterThan(30);
  expect(ink(sheet, 24 + 64 + 16, 24 + 64, 64, 20)).toBe(0);
});

test('an 8-pixel picture is enlarged without smoothing', async () => {
  const lab = createPictureLab();
  const data = Uint8Array.from({ length: 192 }, (_, i) => ((Math.floor(i / 3) % 8) % 2 ? 255 : 0));
  const { digest } = await lab.blobs.put(await encodePng({ data, width: 8, height: 8 }));
  const sheet = await drawSheet(lab, { columns: 1, cell: 64, cells: [{ image: digest }] });
  const values = new Set(Array.from({ length: 64 }, (_, x) => at(sheet, 24 + x, 40)[0]));
  expect(values).toEqual(new Set([0, 255]));
});

test('title and row labels take room and are drawn', async () => {
  const lab = createPictureLab();
  const image = await putColor(lab, [0, 0, 200]);
  const cells = [{ image }, { image }];
  const plain = await drawSheet(lab, { columns: 1, cell: 64, cells });
  const labelled = await drawSheet(lab, { columns: 1, cell: 64, cells, title: 'A run', rows: ['start', 'end'] });
  expect(labelled.width).toBeGreaterThan(plain.width);
  expect(labelled.height).toBeGreaterThan(plain.height);
  expect(ink(labelled, 24, 24, 60, 22)).toBeGreaterThan(50);
});

test('the same sheet is a hit; an unknown picture is an error', async () => {
  const lab = createPictureLab();
  const body = { columns: 1, cells: [{ image: await putColor(lab, [9, 9, 9]), label: 'x' }] };
  expect((await lab.executor.call('contact-sheet', body)).cache).toBe('miss');
  expect((await lab.executor.call('contact-sheet', body)).cache).toBe('hit');
  await expect(
    lab.executor.call('contact-sheet', { columns: 1, cells: [{ image: digestOf('nobody has it') }] }),
  ).rejects.toMatchObject({ code: 'blob_missing' });
});

test('a sheet of more than 100 megapixels is refused before anything is drawn', async () => {
  const lab = createPictureLab();
  const cells = (count: number) => Array.from({ length: count }, () => ({}));
  await expect(lab.executor.call('contact-sheet', { columns: 10, cell: 1024, cells: cells(91) })).rejects.toThrow(
    '/cell: expected a sheet of at most 100000000 pixels',
  );
  await expect(lab.executor.call('contact-sheet', { columns: 10, cell: 64, cells: cells(91) })).resolves.toBeDefined();
});
