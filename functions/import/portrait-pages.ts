/** @file The bundled portraits as pictures of a dataset: their bytes and attributes. */
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { captionPortrait } from '../../data/portraits/captions.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { captionsOfPortrait } from '../../data/portraits/wordings.ts';
import { idOf, type NewOriginal } from '../datasets/originals.ts';
import { renderSvgPng } from '../pictures/image.ts';
import { pictureName, type SetOptions } from './drawn-sets.ts';

/** Draws portraits [from, to), with the attributes of the generator and a caption made of them, or several. */
export function renderPortraits(set: SetOptions, from: number, to: number): Promise<NewOriginal[]> {
  return Promise.all(
    Array.from({ length: to - from }, async (_, offset) => {
      const index = from + offset;
      const portrait = drawPortrait(set.seed, index);
      const bytes = await renderSvgPng(drawSvg(portrait, set.size));
      const caption = captionPortrait(portrait, set.seed, index);
      const captions = set.wording && [...new Set(captionsOfPortrait(portrait, set.seed, index))];
      const attributes = { ...portrait, caption, ...(captions && { captions }) };
      return { id: idOf(bytes), name: pictureName('portraits', set, index), bytes, attributes };
    }),
  );
}
