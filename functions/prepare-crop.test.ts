/** `prepare` that crops about joints which an encoder finds. The encoder of the test takes what is red for a person. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { decodeNpy } from '../formats/npy.ts';
import { packTar } from '../formats/tar.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { digestSchema } from '../storage/records.ts';
import { putModel } from './operations/put-model.ts';
import { encodePng } from './pictures/image.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab } from './testing/pictures.ts';

const JOINTS = 133;
const store = createMemoryStore();
const blobs = createBlobStore(store);
const seen: string[] = [];

/** 133 joints about the mean place of red pixels; zeros without any. */
function findRed(npy: Uint8Array): Float32Array {
  const { shape, data } = decodeNpy(npy);
  const [, height = 0, width = 0] = shape;
  seen.push(`${width} x ${height}`);
  let [x, y, count] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    if (Number(data[i]) < 200 || Number(data[width * height + i]) > 100) continue;
    x += (i % width) + 0.5;
    y += Math.floor(i / width) + 0.5;
    count++;
  }
  const joint = count === 0 ? [0, 0, 0] : [(2 * x) / count / width - 1, (2 * y) / count / height - 1, 1];
  return Float32Array.from({ length: JOINTS * 3 }, (_, i) => joint[i % 3] ?? 0);
}

const runner = createEncodeRunner(
  async job => {
    const members = [...readColumn(await blobs.get(job.column))].map(([name, npy]) =>
      encodeSignalMember('pose', name.split('.')[0] ?? '', { shape: [JOINTS, 3], data: findRed(npy) }),
    );
    const pose = await blobs.put(packColumn(new Map(members)), 'application/x-tar');
    return { outputs: { pose }, links: [], stats: {} };
  },
  { name: 'onnxruntime/cpu', threads: 2 },
);

/** Grey, with a red square about the place. */
function draw(width: number, height: number, place: number, red = 240): Promise<Uint8Array> {
  const data = new Uint8Array(width * height * 3).fill(120);
  const centre = Math.round(place * width);
  for (let y = height >> 2; y < height - (height >> 2); y++) {
    for (let x = centre - 10; x < centre + 10; x++) data.set([red, 20, 20 + (x % 7) * 9], 3 * (y * width + x));
  }
  return encodePng({ data, width, height });
}

test('prepare finds joints on whole pictures, crops about them, and counts those that another crop loses', async () => {
  const lab = createPictureLab({ store, runner });
  const weights = (await blobs.put(Buffer.from('weights'))).digest;
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  const parts = { detector: [weights], pose: [weights] };
  await putModel({ store, blobs }, 'dwpose', { v: 1, weights: parts, source: 'a friend', license });
  const tar = await blobs.put(
    packTar([
      ['left.png', await draw(400, 80, 0.08)],
      ['nobody.png', await draw(400, 80, 0.5, 120)],
      ['right.png', await draw(400, 80, 0.93)],
    ]),
    'application/x-tar',
  );
  const call = { dataset: 'p', tar: tar.digest, size: 32, missing_captions: 'empty', image_encoders: ['dwpose'] };
  const answer = await lab.executor.callEffect('prepare', { ...call, crop: 'pose' });
  const { digest } = z.looseObject({ digest: digestSchema }).parse(answer);
  // First whole, then as training sees them.
  expect(seen).toEqual([...Array(3).fill('400 x 80'), ...Array(3).fill('40 x 24')]);
  const { pages } = await lab.dataset(digest);
  const column = readColumn(await blobs.get(digestSchema.parse(pages[0]?.columns.image)));
  const reds = (await lab.items(digest)).map(({ id, name }) => {
    const { data } = decodeNpy(column.get(memberName('image', id)) ?? new Uint8Array());
    return [name, Array.from(data.subarray(0, 40 * 24), Number).filter(value => value > 200).length > 20];
  });
  expect(Object.fromEntries(reds)).toEqual({ 'left.png': true, 'nobody.png': false, 'right.png': true });

  const centred = await lab.executor.callEffect('prepare', { ...call, rules: { joints_lost: { max: 0 } } });
  expect(centred).toMatchObject({
    rejects: [
      {
        name: 'left.png',
        reason: 'the number of joints that the crop loses is 133; expected at most 0 (rules.joints_lost.max)',
      },
      { name: 'right.png' },
    ],
    counts: { pictures: 1 },
  });
});
