/** @file The bundled figures in memory, as a training source. Texts are encoded when they are read, which is cheap. */
import { captionFigure } from '../../data/figures/captions.ts';
import { poseOf } from '../../data/figures/joints.ts';
import { placeFigure } from '../../data/figures/place.ts';
import { drawFigureSvg } from '../../data/figures/render.ts';
import { encodeWords, WORDS_ENCODER } from '../../functions/encoders/words.ts';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import { toPlanar } from '../../functions/pictures/planar.ts';
import type { TrainingItem, TrainingSource } from '../../gpu-runner/training/source.ts';

export const SIDE = 64;
export const SET_SEED = 1;

type Drawn = Pick<TrainingItem, 'id' | 'pixels'> & { readonly caption: string; readonly pose: Float32Array };

/** Draws the first `count` figures of the set. */
export async function openFigures(count: number): Promise<TrainingSource> {
  const drawn: Drawn[] = [];
  for (let index = 0; index < count; index++) {
    const placed = placeFigure(SET_SEED, index);
    const { data: pixels } = toPlanar(await renderSvgRgb(drawFigureSvg(placed, SIDE)));
    const caption = captionFigure(placed.figure, SET_SEED, index);
    drawn.push({ id: String(index).padStart(6, '0'), pixels, caption, pose: poseOf(placed) });
  }
  const size = { height: SIDE, width: SIDE };
  return {
    index: {
      ids: drawn.map(({ id }) => id),
      sizes: drawn.map(() => size),
      longest: { text: WORDS_ENCODER.tokens, pose: 133 },
    },
    load: async positions =>
      positions.map((position): TrainingItem => {
        const item = drawn[position];
        if (item === undefined) throw new RangeError(`there is no figure ${position}`);
        const { id, pixels, caption, pose } = item;
        const text = encodeWords(caption);
        const signals = { text: { rows: text.tokens, data: text.data }, pose: { rows: 133, data: pose } };
        // Its caption names a side.
        return { id, ...size, pixels, signals, isSided: true };
      }),
    close: async () => {},
  };
}
