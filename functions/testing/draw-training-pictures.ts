/** @file A gpu-runner that has memorized. */
import { memberName } from '../../configs/signals.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { toInterleaved } from '../pictures/planar.ts';
import type { TrainingLab } from './training.ts';

/**
 * From now on the gpu-runner of the lab draws training pictures, one after the other.
 * @param dataset A toy dataset. @param trained Number of its pictures of the split train, which come first.
 */
export async function drawTrainingPictures(
  { blobs, runner }: TrainingLab,
  dataset: Digest,
  trained: number,
): Promise<void> {
  const [page] = (await readDataset(blobs, dataset)).pages;
  const column = readColumn(await blobs.get(page?.columns.image ?? dataset));
  const { run } = runner;
  runner.run = async (action, job, options) => {
    if (job.kind !== 'sample' || job.noise === undefined) return run(action, job, options);
    const rows = job.noise;
    const data = rows.flatMap(place => {
      const member = column.get(memberName('image', (place % trained).toString(16).padStart(16, '0')));
      const { data, shape } = decodeNpy(member ?? new Uint8Array());
      return [...toInterleaved({ data: data as Uint8Array, width: shape[2] ?? 0, height: shape[1] ?? 0 }).data];
    });
    const pixels = encodeNpy({
      dtype: 'u8',
      shape: [rows.length, job.height, job.width, 3],
      data: Uint8Array.from(data),
    });
    return { outputs: { pixels: await blobs.put(pixels, 'application/x-npy') }, links: [], stats: {} };
  };
}
