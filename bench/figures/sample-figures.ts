/** @file Pictures of fresh figures, sampled and real, and what the measure reads in them. */
import { writeFile } from 'node:fs/promises';
import { samplingSchema } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Figure } from '../../data/figures/attributes.ts';
import { poseOf } from '../../data/figures/joints.ts';
import { measureFigure } from '../../data/figures/measure.ts';
import { placeFigure } from '../../data/figures/place.ts';
import { measurePck, type PosedPicture } from '../../data/figures/pose-score.ts';
import { freshFigures } from '../../data/figures/prompts.ts';
import { drawFigureSvg } from '../../data/figures/render.ts';
import { encodeWords, WORDS_ENCODER } from '../../functions/encoders/words.ts';
import { composePng, encodePng, renderSvgRgb } from '../../functions/pictures/image.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { type SampleConditions, Sampler } from '../../gpu-runner/sampling/sampler.ts';
import { SIDE } from './figure-source.ts';

/** Of the figures, and of the noise that the pictures start from. */
const SEED = 1;
/** As the previews of the preset. */
const SAMPLING = samplingSchema.parse({ seed: SEED, guidance: 1.5, steps: 25 });
/** Columns of the sheet, and how often a picture is enlarged. */
const COLUMNS = 8;
const ENLARGED = 2;
/** Pictures on the sheet: a row of real ones above each row of samples. */
const SHOWN = 32;

export interface KnownFigure extends PosedPicture {
  readonly attributes: Figure;
}

export async function sampleFigures(
  engine: Engine,
  config: KeyedConfig,
  weights: Tensors,
  count: number,
  sheet: string,
): Promise<KnownFigure[]> {
  const fresh = freshFigures(SEED, count);
  const sampler = new Sampler(engine, config, weights);
  const pixels = await sampler.sample({
    ...SAMPLING,
    conditions: conditionsOf(fresh),
    height: SIDE,
    width: SIDE,
    first: 0,
  });
  await sampler.dispose();
  const size = 3 * SIDE ** 2;
  const samples = fresh.map(({ attributes, pose }, i) => ({
    attributes,
    pose,
    pixels: { data: pixels.subarray(i * size, (i + 1) * size), width: SIDE, height: SIDE },
  }));
  await writeSheet(sheet, samples, await drawReal(Math.min(count, SHOWN)));
  return samples;
}

/** The real drawings of the same figures. */
export async function drawReal(count: number): Promise<KnownFigure[]> {
  const real: KnownFigure[] = [];
  for (let index = 0; index < count; index++) {
    const placed = placeFigure(SEED, index, 'prompts');
    const pixels = await renderSvgRgb(drawFigureSvg(placed, SIDE));
    real.push({ attributes: placed.figure, pose: poseOf(placed), pixels });
  }
  return real;
}

export interface FigureMeasures {
  readonly pck: number;
  /** The same with the poses of other figures. */
  readonly shuffled: number;
  /** Shares of pictures with the background and the clothes colour of their attributes. */
  readonly background: number;
  readonly clothes: number;
}

export function measureFigures(figures: readonly KnownFigure[]): FigureMeasures {
  const seen = figures.map(({ attributes, pixels }) => ({ attributes, shown: measureFigure(pixels) }));
  const share = (isRight: (each: (typeof seen)[number]) => boolean) => seen.filter(isRight).length / seen.length;
  return {
    ...measurePck(figures),
    background: share(({ attributes, shown }) => shown.background === attributes.background),
    clothes: share(({ attributes, shown }) => shown.top_color === attributes.top_color),
  };
}

function conditionsOf(fresh: ReturnType<typeof freshFigures>): SampleConditions {
  const { tokens, dim } = WORDS_ENCODER;
  const count = fresh.length;
  const text = new Float32Array(count * tokens * dim);
  const mask = new Float32Array(count * tokens);
  const pose = new Float32Array(count * 133 * 3);
  for (const [row, each] of fresh.entries()) {
    const words = encodeWords(each.prompt);
    text.set(words.data, row * tokens * dim);
    mask.fill(1, row * tokens, row * tokens + words.tokens);
    pose.set(each.pose, row * 133 * 3);
  }
  return {
    text: { shape: [count, tokens, dim], dtype: 'f32', data: text },
    text_mask: { shape: [count, tokens], dtype: 'f32', data: mask },
    pose: { shape: [count, 133, 3], dtype: 'f32', data: pose },
  };
}

/** Rows of real drawings, each above the samples of the same figures. */
async function writeSheet(path: string, samples: readonly KnownFigure[], real: readonly KnownFigure[]): Promise<void> {
  const cell = SIDE * ENLARGED;
  const tiles = await Promise.all(
    real.flatMap((each, i) =>
      [each, samples[i]].flatMap((figure, below) => {
        if (figure === undefined) return [];
        const row = 2 * Math.floor(i / COLUMNS) + below;
        return [
          encodePng(figure.pixels).then(png => ({
            png,
            left: (i % COLUMNS) * cell,
            top: row * cell,
            width: cell,
            height: cell,
          })),
        ];
      }),
    ),
  );
  const [width, height] = [COLUMNS * cell, 2 * Math.ceil(real.length / COLUMNS) * cell];
  await writeFile(
    path,
    await composePng(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"/>`, tiles),
  );
}
