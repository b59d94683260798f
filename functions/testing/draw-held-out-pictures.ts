/** @file A gpu-runner that draws the held-out pictures of a dataset themselves: it obeys every condition of theirs. */
import { memberName } from '../../configs/signals.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import { toInterleaved } from '../pictures/planar.ts';
import type { TrainingLab } from './training.ts';

/** From now on each picture is the one of the split val at the place of its noise. @param dataset Has one page. */
export async function drawHeldOutPictures(lab: TrainingLab, dataset: Digest): Promise<void> {
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const column = readColumn(await lab.blobs.get(page?.columns.image ?? dataset));
  const heldOut = page ? (await readItems(lab.blobs, page)).filter(({ split }) => split === 'val') : [];
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind !== 'sample' || job.noise === undefined) return run(action, job, options);
    const data = job.noise.flatMap(place => {
      const member = column.get(memberName('image', heldOut[place]?.id ?? ''));
      const { data: planes } = decodeNpy(member ?? new Uint8Array());
      return [...toInterleaved({ data: planes as Uint8Array, width: job.width, height: job.height }).data];
    });
    const shape = [job.noise.length, job.height, job.width, 3];
    const pixels = encodeNpy({ dtype: 'u8', shape, data: Uint8Array.from(data) });
    return { outputs: { pixels: await lab.blobs.put(pixels, 'application/octet-stream') }, links: [], stats: {} };
  };
}
