/** @file The bundled portraits in memory, drawn and encoded as `prepare` does, with pictures that no arm trains on. */
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { captionPortrait } from '../../data/portraits/captions.ts';
import type { KnownPortrait } from '../../data/portraits/checks.ts';
import { freshPrompts } from '../../data/portraits/prompts.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { DCT_CLS_DIM, DCT_PATCH_DIM, encodeDct } from '../../functions/encoders/encode-dct.ts';
import { encodeWords, WORDS_ENCODER } from '../../functions/encoders/words.ts';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import { toPlanar } from '../../functions/pictures/planar.ts';
import type { TrainingItem } from '../../gpu-runner/training/source.ts';

export const SIDE = 64;
export const PATCH = 8;
/** `model.conditions` of a training on these pictures. */
export const CONDITIONS = {
  text: { encoder: 'words', dim: WORDS_ENCODER.dim, tokens: WORDS_ENCODER.tokens },
  cls: { encoder: 'dct', dim: DCT_CLS_DIM },
  patches: { encoder: 'dct', dim: DCT_PATCH_DIM, stride: PATCH },
};

const SET_SEED = 1;
/** As the demo: 90 % of 6,000 pictures. */
const TRAINED = 5400;
export const HELD_OUT = 256;

export interface HeldOut extends KnownPortrait {
  readonly item: TrainingItem;
}

export interface Portraits {
  readonly trained: readonly TrainingItem[];
  readonly heldOut: readonly HeldOut[];
  /** Captions with attributes of the same distribution that belong to no picture. */
  readonly prompts: ReturnType<typeof freshPrompts>;
}

export async function drawPortraits(): Promise<Portraits> {
  const trained: TrainingItem[] = [];
  const known = new Set<string>();
  for (let index = 0; index < TRAINED; index++) {
    const { item, attributes } = await drawOne(index);
    trained.push(item);
    known.add(JSON.stringify(attributes));
  }
  const heldOut: HeldOut[] = [];
  for (let index = TRAINED; heldOut.length < HELD_OUT; index++) {
    const drawn = await drawOne(index);
    if (!known.has(JSON.stringify(drawn.attributes))) heldOut.push(drawn);
  }
  return { trained, heldOut, prompts: freshPrompts(SET_SEED, HELD_OUT) };
}

async function drawOne(index: number): Promise<HeldOut> {
  const attributes = drawPortrait(SET_SEED, index);
  const pixels = await renderSvgRgb(drawSvg(attributes, SIDE));
  const picture = toPlanar(pixels);
  const { cls, patches } = encodeDct(picture, PATCH);
  const text = encodeWords(captionPortrait(attributes, SET_SEED, index));
  const item: TrainingItem = {
    id: String(index).padStart(6, '0'),
    height: SIDE,
    width: SIDE,
    pixels: picture.data,
    signals: {
      text: { rows: text.tokens, data: text.data },
      cls: { rows: DCT_CLS_DIM, data: cls },
      patches: { rows: patches.rows, data: patches.data },
    },
  };
  return { attributes, pixels, item };
}
