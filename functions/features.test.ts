import { expect, test } from 'vitest';
import { memberName } from '../configs/signals.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import type { BlobStore } from '../storage/types.ts';
import { encodeDct } from './encoders/encode-dct.ts';
import { readFeatures } from './evaluation/feature-sets.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab, outputOf } from './testing/pictures.ts';

const SIDE = 32;
const ENGINE = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

/** Pictures of one colour each, from dark to light, but the last: black left, white right. */
function flatPictures(levels: readonly number[]): Map<string, Uint8Array> {
  const area = SIDE * SIDE;
  const half = Uint8Array.from({ length: 3 * area }, (_, i) => (i % SIDE < SIDE / 2 ? 0 : 255));
  const pictures = [...levels.map(level => new Uint8Array(3 * area).fill(level)), half];
  return new Map(
    pictures.map((data, i) => [
      memberName('image', `000000000000000${i}`),
      encodeNpy({ dtype: 'u8', shape: [3, SIDE, SIDE], data }),
    ]),
  );
}

const putPictures = async (blobs: BlobStore, members: Map<string, Uint8Array>): Promise<Digest> =>
  (await blobs.put(packColumn(members), 'application/x-tar')).digest;

test('a thumbnail has the mean of each part of the picture', async () => {
  const { blobs, executor } = createPictureLab();
  const pictures = await putPictures(blobs, flatPictures([0, 51]));
  const made = await executor.call('features', { pictures, extractor: 'thumbnail' });
  const set = await readFeatures(blobs, [outputOf(made, 'index')]);
  expect(set).toMatchObject({ extractor: 'thumbnail', dim: 768, ids: [0, 1, 2].map(i => `000000000000000${i}`) });
  const rows = [0, 1, 2].map(i => set.data.subarray(i * 768, (i + 1) * 768));
  expect(new Set(rows[0])).toEqual(new Set([0]));
  expect(new Set(rows[1])).toEqual(new Set([Math.fround(0.2)]));
  expect([...(rows[2]?.subarray(0, 16) ?? [])]).toEqual([...Array(8).fill(0), ...Array(8).fill(1)]);
});

test('features of dct are its vectors of whole pictures, and several columns make one set', async () => {
  const { blobs, executor } = createPictureLab();
  const members = flatPictures([10, 200]);
  const pictures = await putPictures(blobs, members);
  const index = outputOf(await executor.call('features', { pictures }), 'index');
  const set = await readFeatures(blobs, [index, index], id => id.endsWith('1'));
  expect(set.ids).toEqual(['0000000000000001', '0000000000000001']);
  const area = SIDE * SIDE;
  const wanted = encodeDct({ data: new Uint8Array(3 * area).fill(200), width: SIDE, height: SIDE }, SIDE).cls;
  expect([...set.data]).toEqual([...wanted, ...wanted]);
});

test('a network of the gpu-runner describes the column as it lies in the store', async () => {
  const { blobs, executor } = createPictureLab({
    runner: createEncodeRunner(async job => {
      const ids = [...readColumn(await blobs.get(job.column)).keys()].map(name => name.split('.')[0] ?? '');
      const rows = ids.map(id =>
        encodeSignalMember('cls', id, { shape: [2], data: Float32Array.of(Number(id), Number(job.options.stride)) }),
      );
      return {
        outputs: { cls: await blobs.put(packColumn(new Map(rows)), 'application/x-tar') },
        links: [],
        stats: {},
      };
    }, ENGINE),
  });
  const pictures = await putPictures(blobs, flatPictures([1]));
  const weights = { model: [digestOf('weights')] };
  const body = { pictures, extractor: 'efficientnet-lite0', weights, engine: ENGINE };
  const set = await readFeatures(blobs, [outputOf(await executor.call('features', body), 'index')]);
  expect([...set.data]).toEqual([0, 4, 1, 4]);
});

test.each([
  [{ extractor: 'efficientnet-lite0' }, 'weights "model"'],
  [{ extractor: 'dct', engine: ENGINE }, 'the extractor dct has no engine'],
])('a call that does not fit its extractor is refused: %j', async (body, text) => {
  const { blobs, executor } = createPictureLab();
  const pictures = await putPictures(blobs, flatPictures([1]));
  await expect(executor.call('features', { pictures, ...body })).rejects.toThrow(text);
});

test('something that is no column of pictures is refused', async () => {
  const { blobs, executor } = createPictureLab();
  const pictures = await putPictures(blobs, new Map([['0000000000000000.txt', Buffer.from('a caption')]]));
  await expect(executor.call('features', { pictures })).rejects.toThrow('"0000000000000000.txt" is no picture');
});
