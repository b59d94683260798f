import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeNpy } from '../formats/npy.ts';
import { packTar } from '../formats/tar.ts';
import { readColumn } from '../formats/webdataset.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import { digestSchema } from '../storage/records.ts';
import { encodePng } from './pictures/image.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';

const answerSchema = z.object({
  digest: digestSchema,
  originals: digestSchema,
  stages: z.record(z.string(), z.unknown()),
  counts: z.record(z.string(), z.int()),
  rejects: z.array(z.object({ name: z.string(), reason: z.string() })),
});

/** A picture of one colour, whose left half is white if it is a mask. */
async function picture(width: number, height: number, level: number, isMask = false): Promise<Buffer> {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const column = Math.floor(i / 3) % width;
    if (!isMask) return (level + 7 * column + 13 * Math.floor(i / 3 / width)) % 256;
    return column < width / 2 ? 255 : level;
  });
  return Buffer.from(await encodePng({ data, width, height }));
}

async function prepare(lab: PictureLab, files: Readonly<Record<string, Buffer | string>>) {
  const entries = Object.entries(files).map(([name, body]) => [name, Buffer.from(body as string, 'latin1')] as const);
  const tar = await lab.blobs.put(packTar(entries), 'application/x-tar');
  const body = { dataset: 'd', tar: tar.digest, size: 32, missing_captions: 'empty' };
  return answerSchema.parse(await lab.executor.callEffect('prepare', body));
}

/** Masks of the dataset by the names of their pictures. */
async function masksOf(lab: PictureLab, answer: z.output<typeof answerSchema>) {
  const dataset = await lab.dataset(answer.digest);
  const names = new Map((await readAllItems(lab.blobs, dataset)).map(({ id, name }) => [id, name]));
  const masks = new Map<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>();
  for (const { columns } of dataset.pages) {
    if (columns.mask === undefined) continue;
    for (const [member, body] of readColumn(await lab.blobs.get(columns.mask))) {
      const { shape, data } = decodeNpy(body);
      masks.set(names.get(member.split('.')[0] ?? '') ?? member, { shape, data });
    }
  }
  return { dataset, masks };
}

describe('masks beside pictures', () => {
  test('are scaled and cropped as their pictures, and pictures without masks have none', async () => {
    const lab = createPictureLab();
    const answer = await prepare(lab, {
      'a.png': await picture(64, 64, 10),
      'a-masklabel.png': await picture(64, 64, 0, true),
      // It becomes 40 x 24 (the bucket nearest to its shape) by a crop of its sides.
      'wide.png': await picture(150, 60, 90),
      'wide.mask.png': await picture(150, 60, 128, true),
      'c.png': await picture(48, 48, 200),
    });
    expect(answer.rejects).toEqual([]);
    const { dataset, masks } = await masksOf(lab, answer);
    expect([...masks.keys()].toSorted()).toEqual(['a.png', 'wide.png']);
    const [square, wide] = [masks.get('a.png'), masks.get('wide.png')];
    expect(square?.shape).toEqual([32, 32]);
    const image = digestSchema.parse(dataset.pages[0]?.columns.image);
    const shapes = [...readColumn(await lab.blobs.get(image)).values()].map(body => decodeNpy(body).shape);
    expect(shapes.map(shape => shape.slice(1).join())).toContain(wide?.shape.join());
    for (const [mask, level] of [
      [square, 0],
      [wide, 128],
    ] as const) {
      const [height = 0, width = 0] = mask?.shape ?? [];
      const at = (row: number, column: number) => mask?.data[row * width + column];
      expect([at(0, 0), at(height - 1, width / 2 - 4)]).toEqual([255, 255]);
      expect([at(0, width / 2 + 4), at(height - 1, width - 1)]).toEqual([level, level]);
    }
    // The store keeps what the dataset links.
    expect(dataset.links).toEqual(expect.arrayContaining([dataset.pages[0]?.columns.mask]));
    const items = await readAllItems(lab.blobs, dataset);
    expect(dataset.links).toEqual(expect.arrayContaining(items.flatMap(({ mask }) => mask ?? [])));
  });

  test('of a wrong size, that cannot be read, or of no picture are rejected by name, and their pictures are taken', async () => {
    const lab = createPictureLab();
    const answer = await prepare(lab, {
      'a.png': await picture(64, 64, 10),
      'a-masklabel.png': await picture(32, 64, 0, true),
      'b.png': await picture(64, 64, 60),
      'b-masklabel.png': '\x89PNG broken',
      'c.png': await picture(64, 64, 110),
      'c-masklabel.png': await picture(64, 64, 0, true),
      'c.mask.png': await picture(64, 64, 0, true),
      'none-masklabel.png': await picture(64, 64, 0, true),
      'gas.mask.png': await picture(64, 64, 160),
    });
    expect(answer.counts.pictures).toBe(4);
    expect(Object.fromEntries(answer.rejects.map(({ name, reason }) => [name, reason]))).toEqual({
      'a-masklabel.png': 'the mask is 32 x 64 pixels, and "a.png" is 64 x 64: both must have one size',
      'b-masklabel.png': expect.stringContaining('the mask of "b.png": '),
      'c.mask.png': 'a second mask of a picture',
      'none-masklabel.png': 'a mask beside which no picture has its name',
    });
    expect([...(await masksOf(lab, answer)).masks.keys()]).toEqual(['c.png']);
  });

  test('that change make the pages of their pictures anew, and without masks there is no column', async () => {
    const lab = createPictureLab();
    const files = { 'a.png': await picture(64, 64, 10), 'b.png': await picture(64, 64, 90) };
    const bare = await prepare(lab, files);
    expect(bare.stages).not.toHaveProperty('mask');
    expect((await masksOf(lab, bare)).masks.size).toBe(0);
    const masked = await prepare(lab, { ...files, 'a-masklabel.png': await picture(64, 64, 50, true) });
    expect((await masksOf(lab, masked)).masks.get('a.png')?.data[31]).toBe(50);
    const other = await prepare(lab, { ...files, 'a-masklabel.png': await picture(64, 64, 70, true) });
    expect((await masksOf(lab, other)).masks.get('a.png')?.data[31]).toBe(70);
    expect((await prepare(lab, files)).digest).toBe(bare.digest);
  });
});
