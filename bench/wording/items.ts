/** @file The portraits of a seed in memory, with their captions by any text encoder, and with further captions. */
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { captionPortrait } from '../../data/portraits/captions.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { varyCaption } from '../../data/portraits/wordings.ts';
import { DCT_CLS_DIM, encodeDct } from '../../functions/encoders/encode-dct.ts';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import { toPlanar } from '../../functions/pictures/planar.ts';
import type { StoredSignal, TrainingItem } from '../../gpu-runner/training/source.ts';
import { PATCH, SIDE } from '../recipe/portraits.ts';
import type { BenchEncoder } from './encode-texts.ts';

export interface ItemsOptions {
  readonly seed: number;
  readonly count: number;
  /** Further captions of a picture. */
  readonly variants: number;
}

export async function drawItems(
  encoder: BenchEncoder,
  { seed, count, variants }: ItemsOptions,
): Promise<TrainingItem[]> {
  const portraits = Array.from({ length: count }, (_, index) => drawPortrait(seed, index));
  const encodeAll = (captionOf: (index: number) => string) =>
    encoder.encode(portraits.map((_, index) => captionOf(index)));
  const texts: (readonly StoredSignal[])[] = [await encodeAll(i => captionPortrait(portraits[i]!, seed, i))];
  for (let variant = 1; variant <= variants; variant++) {
    texts.push(await encodeAll(i => varyCaption(portraits[i]!, seed, i, variant)));
  }
  const items: TrainingItem[] = [];
  for (const [index, portrait] of portraits.entries()) {
    const picture = toPlanar(await renderSvgRgb(drawSvg(portrait, SIDE)));
    const { cls, patches } = encodeDct(picture, PATCH);
    const [text, ...others] = texts.map(each => each[index]!);
    items.push({
      id: String(index).padStart(6, '0'),
      height: SIDE,
      width: SIDE,
      pixels: picture.data,
      signals: {
        text: text!,
        cls: { rows: DCT_CLS_DIM, data: cls },
        patches: { rows: patches.rows, data: patches.data },
      },
      ...(others.length > 0 && { texts: others }),
    });
  }
  return items;
}
