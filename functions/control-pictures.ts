/** @file Makes the pictures of a control row: substitutes for held-out pictures that no model drew. */
import { z } from 'zod';
import { CONTROL_NAMES } from '../configs/control-names.ts';
import { memberName } from '../configs/signals.ts';
import { Internal, InvalidInput, Unprocessable } from '../errors.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn } from '../formats/webdataset.ts';
import { spreadIndexes } from '../numerics/spread-indexes.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { digestSchema, PAGE_SIZE } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { CONTROLS, type ControlInputs, meanPicture } from './evaluation/controls.ts';
import { readFeatures, rowsAlone } from './evaluation/feature-sets.ts';
import type { FindCopiesTask, Nearest } from './evaluation/find-copies.ts';
import { openPagePictures, type PagePictures } from './experiments/page-pictures.ts';
import { coverPlanar, type PlanarImage } from './pictures/planar.ts';

/** Training pictures whose mean is a control. */
const MOST_MEANT = 256;

export const controlPictures = defineFunction({
  name: 'control-pictures',
  summary:
    'Makes substitutes for held-out pictures that no model drew, for the control rows of a table of quality: ' +
    `${CONTROL_NAMES.join(', ')}. Output pictures (a column).`,
  version: 2,
  kind: 'pure',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', control: 'blur' },
  input: z
    .strictObject({
      dataset: digestSchema,
      control: z.enum(CONTROL_NAMES),
      first: z
        .int()
        .nonnegative()
        .max(2 ** 31)
        .default(0)
        .describe('so many pictures of the split are passed over'),
      split: z.enum(['val', 'test']).optional().describe('the split of the held-out pictures; default: val'),
      count: z
        .int()
        .min(1)
        .max(PAGE_SIZE)
        .default(PAGE_SIZE)
        .describe('number of pictures; fewer if there are no more'),
      features: z
        .array(digestSchema)
        .min(1)
        .max(65_536)
        .optional()
        .describe('nearest: outputs index of features of the pages of the dataset'),
    })
    .refine(({ control, features }) => (control === 'nearest') === (features !== undefined), {
      error: 'is needed by the control nearest, and by no other',
      path: ['features'],
    }),
  async run(ctx, { dataset, control: name, first, count, split = 'val', features }) {
    const pages = await openPagePictures(ctx.blobs, await readDataset(ctx.blobs, dataset));
    const heldOut = pages.itemsOf(split).map(({ id }) => id);
    const ids = heldOut.slice(first, first + count);
    if (ids.length === 0) {
      throw new InvalidInput(`there is no picture ${first} of the split ${split}: it has ${heldOut.length}`);
    }
    const control = CONTROLS[name];
    if (control.needs.includes('other') && heldOut.length < 2) {
      throw new Unprocessable(`the split ${split} has 1 picture, and no other one`, {
        expected: `at least 2 pictures of the split ${split} for the control ${name}`,
      });
    }
    const nearest = features && (await findNearest(ctx, pages, features, ids));
    const meanFor = openMean(pages);
    const members = new Map<string, Uint8Array>();
    for (const [i, id] of ids.entries()) {
      ctx.signal.throwIfAborted();
      const picture = await pages.read(id);
      const unused = picture;
      const near = nearest?.get(id);
      const inputs: ControlInputs = {
        id,
        picture,
        other: control.needs.includes('other') ? await pages.read(otherOf(heldOut, first + i)) : unused,
        nearest: near === undefined ? unused : await pages.read(near),
        mean: control.needs.includes('mean') ? await meanFor(picture) : unused,
      };
      const { data, width, height } = coverPlanar(control.make(inputs), picture);
      members.set(memberName('image', id), encodeNpy({ dtype: 'u8', shape: [3, height, width], data }));
    }
    const pictures = await ctx.blobs.put(packColumn(members), 'application/x-tar');
    return { outputs: { pictures }, stats: { pictures: ids.length } };
  },
});

/** Half of the split away, so that near-duplicates that follow each other do not meet. */
function otherOf(ids: readonly string[], place: number): string {
  return ids[(place + Math.max(1, ids.length >> 1)) % ids.length] ?? '';
}

/** The training picture that is nearest to each of the pictures. */
async function findNearest(
  ctx: FunctionContext,
  pages: PagePictures,
  features: Parameters<typeof readFeatures>[1],
  ids: readonly string[],
): Promise<Map<string, string>> {
  const training = new Set(pages.itemsOf('train').map(({ id }) => id));
  const wanted = new Set(ids);
  const all = await readFeatures(ctx.blobs, features, id => training.has(id));
  const own = await readFeatures(ctx.blobs, features, id => wanted.has(id));
  if (all.ids.length === 0 || own.ids.length < ids.length) {
    throw new InvalidInput('features: some pictures of the dataset are missing', {
      expected: 'outputs index of features of all pages of this dataset',
    });
  }
  const task: FindCopiesTask = { pictures: rowsAlone(own), training: rowsAlone(all), clusters: all.ids };
  const near = await ctx.task<Nearest[]>('find-copies', task);
  return new Map(own.ids.map((id, i) => [id, all.ids[near[i]?.index ?? 0] ?? '']));
}

/** The mean of training pictures, each brought to the size of a picture. */
function openMean(pages: PagePictures) {
  const training = pages.itemsOf('train');
  const chosen = spreadIndexes(training.length, MOST_MEANT).flatMap(i => training[i]?.id ?? []);
  const means = new Map<string, Promise<PlanarImage>>();
  return (size: PlanarImage): Promise<PlanarImage> => {
    if (chosen.length === 0) throw new Internal('the dataset has no training pictures');
    const key = `${size.width} ${size.height}`;
    const known = means.get(key);
    if (known) return known;
    const made = Promise.all(chosen.map(async id => coverPlanar(await pages.read(id), size))).then(meanPicture);
    means.set(key, made);
    return made;
  };
}
