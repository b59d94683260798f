/** @file The bundled portraits as pictures of a dataset: their names, bytes and attributes. */
import { z } from 'zod';
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { captionPortrait } from '../../data/portraits/captions.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { idOf, type NewOriginal } from '../datasets/originals.ts';
import { renderSvgPng } from '../pictures/image.ts';

const LARGEST_SEED = 2 ** 48;
const SEED_ERROR = { error: `expected a whole number from 0 to ${LARGEST_SEED}` };
const portraitSeed = z.int(SEED_ERROR).min(0, SEED_ERROR).max(LARGEST_SEED, SEED_ERROR);

/** Body keys of a set of portraits. */
export const portraitSetShape = {
  seed: portraitSeed.default(1).describe('seed of the portraits'),
  size: z.int().min(16).max(1024).default(64).describe('pixels of a side'),
};

export interface PortraitSet {
  readonly seed: number;
  /** Pixels of a side. */
  readonly size: number;
}

/** A name with everything that decides the picture: another seed or size has another name. */
export function portraitName({ seed, size }: PortraitSet, index: number): string {
  return `portraits-${seed}-${size}/${String(index).padStart(6, '0')}.png`;
}

/** Whether a picture of that name was drawn, whatever its set. */
export function isPortraitName(name: string): boolean {
  return /^portraits-\d+-\d+\/\d{6,}\.png$/.test(name);
}

/** Draws portraits [from, to), with the attributes of the generator and a caption made of them. */
export function renderPortraits(set: PortraitSet, from: number, to: number): Promise<NewOriginal[]> {
  return Promise.all(
    Array.from({ length: to - from }, async (_, offset) => {
      const index = from + offset;
      const portrait = drawPortrait(set.seed, index);
      const bytes = await renderSvgPng(drawSvg(portrait, set.size));
      const attributes = { ...portrait, caption: captionPortrait(portrait, set.seed, index) };
      return { id: idOf(bytes), name: portraitName(set, index), bytes, attributes };
    }),
  );
}
