/** @file The bundled figures as pictures of a dataset: their bytes, attributes, captions and joints. */
import { captionsOfFigure } from '../../data/figures/captions.ts';
import { poseOf } from '../../data/figures/joints.ts';
import { placeFigure } from '../../data/figures/place.ts';
import { drawFigureSvg } from '../../data/figures/render.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { idOf, type NewOriginal } from '../datasets/originals.ts';
import { renderSvgPng } from '../pictures/image.ts';
import { pictureName, type SetOptions } from './drawn-sets.ts';

/** Draws figures [from, to), with the joints of the drawing. */
export function renderFigures(set: SetOptions, from: number, to: number): Promise<NewOriginal[]> {
  return Promise.all(
    Array.from({ length: to - from }, async (_, offset) => {
      const index = from + offset;
      const placed = placeFigure(set.seed, index);
      const bytes = await renderSvgPng(drawFigureSvg(placed, set.size));
      const pose = encodeNpy({ dtype: 'f32', shape: [133, 3], data: poseOf(placed) });
      const captions = captionsOfFigure(placed.figure, set.seed, index);
      const attributes = { ...placed.figure, caption: captions[0] ?? '', captions };
      return { id: idOf(bytes), name: pictureName('figures', set, index), bytes, attributes, pose };
    }),
  );
}
