import { beforeEach, expect, test } from 'vitest';
import { packTar } from '../formats/tar.ts';
import { readItems } from '../storage/blobs/items.ts';
import type { Dataset } from '../storage/records.ts';
import { encodePng } from './pictures/image.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

let lab: PictureLab;
beforeEach(() => {
  lab = createPictureLab();
});

/** A picture of a level of its own, so that no two are near-duplicates. */
async function draw(width: number, height: number, seed: number): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (seed + 1) * 37 + (i >> 4) * seed) % 256);
  return encodePng({ data, width, height });
}

async function bucketed(sizes: readonly (readonly [number, number])[], body: Readonly<Record<string, number>>) {
  const members = sizes.map(async ([width, height], i) => [`${i}.png`, await draw(width, height, i)] as const);
  const { digest: tar } = await lab.blobs.put(packTar(await Promise.all(members)), 'application/x-tar');
  await lab.executor.callEffect('import', { dataset: 'mine', tar });
  let digest = outputOf(await lab.executor.call('inspect', { dataset: 'mine' }));
  digest = outputOf(await lab.executor.call('ingest', { dataset: digest }));
  return lab.dataset(outputOf(await lab.executor.call('bucket', { dataset: digest, ...body })));
}

const told = ({ notes = [] }: Dataset) => notes.filter(({ code }) => ['enlarged', 'cropped'].includes(code));

test('pictures that are enlarged or lose much by the crop are counted, the worst first', async () => {
  const dataset = await bucketed(
    [
      [96, 96],
      [16, 16],
      [400, 50],
      [48, 48],
    ],
    { size: 96 },
  );
  expect(told(dataset)).toEqual([
    {
      code: 'enlarged',
      count: 3,
      text: '3 pictures are enlarged by more than 5 %',
      examples: [
        { name: '1.png', text: '6 times, from 16 x 16 to cover 96 x 96' },
        { name: '3.png', text: '2 times, from 48 x 48 to cover 96 x 96' },
        { name: '2.png', text: '1.3 times, from 400 x 50 to cover 128 x 64' },
      ],
    },
    {
      code: 'cropped',
      count: 1,
      text: '1 picture loses more than 20 % of its area by the crop',
      examples: [{ name: '2.png', text: '75 % of 400 x 50' }],
    },
  ]);
});

test('pictures that fit, or nearly, say nothing', async () => {
  expect(
    told(
      await bucketed(
        [
          [64, 64],
          [640, 480],
          [61, 63],
          [1000, 1500],
        ],
        { size: 64 },
      ),
    ),
  ).toEqual([]);
});

test('the dataset counts its buckets, commonest first', async () => {
  const dataset = await bucketed(
    [
      [192, 64],
      [64, 64],
      [80, 80],
      [64, 64],
    ],
    { size: 32 },
  );
  const { pages } = dataset;
  const items = (await Promise.all(pages.map(page => readItems(lab.blobs, page)))).flat();
  const trained = items.filter(({ split }) => split === 'train').length;
  expect(dataset.buckets?.reduce((sum, { train }) => sum + train, 0)).toBe(trained);
  expect(dataset.buckets).toMatchObject([
    { width: 32, height: 32, pictures: 3 },
    { width: 40, height: 24, pictures: 1 },
  ]);
});
