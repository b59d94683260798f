/** @file The portraits of a seed in memory, with their captions by any text encoder, and with further captions. */
import { drawPortrait } from '../../data/portraits/attributes.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { captionsOfPortrait } from '../../data/portraits/wordings.ts';
import { DCT_CLS_DIM, encodeDct } from '../../functions/encoders/encode-dct.ts';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import { toPlanar } from '../../functions/pictures/planar.ts';
import type { StoredSignal, TrainingItem } from '../../gpu-runner/training/source.ts';
import { PATCH, SIDE } from '../recipe/portraits.ts';
import type { BenchEncoder } from './encode-texts.ts';

export interface ItemsOptions {
  readonly seed: number;
  readonly count: number;
  /** Whether pictures have their captions in varied wording, too. */
  readonly isVaried: boolean;
}

export async function drawItems(
  encoder: BenchEncoder,
  { seed, count, isVaried }: ItemsOptions,
): Promise<TrainingItem[]> {
  const portraits = Array.from({ length: count }, (_, index) => drawPortrait(seed, index));
  const captions = portraits.map((portrait, index) => captionsOfPortrait(portrait, seed, index));
  const texts: (readonly StoredSignal[])[] = [];
  for (const variant of isVaried ? captions[0]!.keys() : [0]) {
    texts.push(await encoder.encode(captions.map(each => each[variant]!)));
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
