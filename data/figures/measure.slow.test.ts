import { beforeAll, describe, expect, test } from 'vitest';
import { blur } from '../../functions/evaluation/controls.ts';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import { toInterleaved, toPlanar } from '../../functions/pictures/planar.ts';
import type { RgbPixels } from '../pixels.ts';
import { poseOf } from './joints.ts';
import { MEASURED_JOINTS, measureFigure } from './measure.ts';
import { type PlacedFigure, placeFigure } from './place.ts';
import { comparePose, measurePck } from './pose-score.ts';
import { drawFigureSvg } from './render.ts';

const COUNT = 160;

interface Sample {
  readonly placed: PlacedFigure;
  readonly pixels: RgbPixels;
  readonly pose: Float32Array;
}

const samples: Sample[] = [];
beforeAll(async () => {
  for (let index = 0; index < COUNT; index++) {
    const placed = placeFigure(77, index);
    samples.push({ placed, pixels: await renderSvgRgb(drawFigureSvg(placed, 64)), pose: poseOf(placed) });
  }
});

/** Adds a 3 x 3 box blur and noise, so that a picture looks like a sample of a model early in training. */
function damage({ data, width, height }: RgbPixels, noise: number): RgbPixels {
  const damaged = new Uint8Array(data.length);
  let state = 12345;
  for (let at = 0; at < data.length; at++) {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    let sum = 0;
    for (const dy of [-1, 0, 1]) {
      for (const dx of [-1, 0, 1]) {
        const row = Math.min(height - 1, Math.max(0, y + dy));
        const column = Math.min(width - 1, Math.max(0, x + dx));
        sum += data[(row * width + column) * 3 + channel] ?? 0;
      }
    }
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const level = (data[at] ?? 0) * 0.5 + (sum / 9) * 0.5 + (state / 2 ** 32 - 0.5) * 2 * noise;
    damaged[at] = Math.min(255, Math.max(0, Math.round(level)));
  }
  return { data: damaged, width, height };
}

/** Gaussian blur. @param deviation In pixels. */
function blurred(pixels: RgbPixels, deviation: number): RgbPixels {
  return toInterleaved(blur(toPlanar(pixels), deviation));
}

describe('on 64-pixel drawings', () => {
  test('every joint is found within .1 of the diagonal of the box: the ceiling; poses of others give the floor', () => {
    const { pck, shuffled } = measurePck(samples);
    expect(pck).toBeGreaterThanOrEqual(0.999);
    expect(shuffled).toBeLessThan(0.3);
  });

  test('the middle error of hips and shoulders is .03 of the diagonal, and of the other joints .01', () => {
    const errors = MEASURED_JOINTS.map(() => [] as number[]);
    for (const { pixels, pose } of samples) {
      for (const [i, error] of comparePose(measureFigure(pixels), pose).errors.entries()) errors[i]?.push(error);
    }
    for (const [i, name] of MEASURED_JOINTS.entries()) {
      const sorted = (errors[i] ?? []).sort((a, b) => a - b);
      expect(sorted[COUNT >> 1], name).toBeLessThan(/hip|shoulder/.test(name) ? 0.033 : 0.01);
    }
  });

  test('backgrounds are read without a mistake, and the colours of garments nearly so', () => {
    const right = samples.map(({ placed: { figure }, pixels }) => {
      const shown = measureFigure(pixels);
      return [shown.background === figure.background, shown.top_color === figure.top_color] as const;
    });
    expect(right.filter(([background]) => background).length).toBe(COUNT);
    expect(right.filter(([, top]) => top).length / COUNT).toBeGreaterThanOrEqual(0.97);
  });

  test('joints of soft and noisy drawings are still found', () => {
    const pictures = samples.map(({ pixels, pose }) => ({ pixels: damage(pixels, 12), pose }));
    expect(measurePck(pictures).pck).toBeGreaterThan(0.97);
  });

  test('joints of blurred drawings are found by mixtures of limbs and background, unless nothing is left', () => {
    const pckOf = (deviation: number) =>
      measurePck(samples.map(({ pixels, pose }) => ({ pixels: blurred(pixels, deviation), pose }))).pck;
    const [slight, control, strong] = [1, 2, 4].map(pckOf);
    expect(slight).toBeGreaterThan(0.97);
    // As the control row of a validation: limbs are 3 to 4 pixels wide.
    expect(control).toBeGreaterThan(0.9);
    expect(strong).toBeLessThan(0.4);
  });

  test('a mirrored drawing has the sides of the person changed, so nearly no joint is right', () => {
    const pictures = samples.map(({ pixels: { data, width, height }, pose }) => {
      const mirrored = new Uint8Array(data.length);
      for (let at = 0; at < width * height; at++) {
        const other = at - (at % width) + (width - 1 - (at % width));
        mirrored.set(data.subarray(3 * other, 3 * other + 3), 3 * at);
      }
      const turned = pose.map((value, i) => (i % 3 === 0 ? -value : value));
      return { pixels: { data: mirrored, width, height }, pose, turned };
    });
    expect(measurePck(pictures).pck).toBeLessThan(0.3);
    // The same joints where the mirror puts them: only the names of the sides differ from a mirrored person.
    expect(measurePck(pictures.map(each => ({ ...each, pose: each.turned }))).pck).toBeGreaterThan(0.99);
  });
});

test('a flat grey picture has no joints', () => {
  const grey: RgbPixels = { data: new Uint8Array(64 * 64 * 3).fill(200), width: 64, height: 64 };
  expect(measureFigure(grey)).toMatchObject({ joints: {}, top_color: undefined, background: 'grey' });
});

test('a picture that is not a square of at least 32 pixels is refused', () => {
  const pixels = (width: number, height: number) => ({ data: new Uint8Array(width * height * 3), width, height });
  expect(() => measureFigure(pixels(64, 32))).toThrow('64 x 32');
  expect(() => measureFigure(pixels(16, 16))).toThrow('16 x 16');
});
