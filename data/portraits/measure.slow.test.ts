import { beforeAll, describe, expect, test } from 'vitest';
import { renderSvgRgb } from '../../functions/pictures/image.ts';
import type { RgbPixels } from '../pixels.ts';
import { drawPortrait, type Portrait } from './attributes.ts';
import { measurePortrait } from './measure.ts';
import { drawSvg } from './render.ts';
import { seamRatio } from './statistics.ts';

const COUNT = 512;

interface Sample {
  readonly portrait: Portrait;
  readonly pixels: RgbPixels;
}

const drawn = new Map<number, Promise<Sample[]>>();

/** The same samples for every test of a size. */
function draw(size: number): Promise<Sample[]> {
  const samples =
    drawn.get(size) ??
    Promise.all(
      Array.from({ length: COUNT }, async (_, i) => {
        const portrait = drawPortrait(77, i);
        return { portrait, pixels: await renderSvgRgb(drawSvg(portrait, size)) };
      }),
    );
  drawn.set(size, samples);
  return samples;
}

function shareOf(samples: readonly Sample[], isRight: (sample: Sample) => boolean): number {
  return samples.filter(isRight).length / samples.length;
}

/** Accuracy that the demo's table states for real pictures. */
describe.each([
  { size: 64, hair: 1, clothes: 0.97 },
  { size: 32, hair: 1, clothes: 0.97 },
])('on $size-pixel portraits', ({ size, hair, clothes }) => {
  let samples: Sample[] = [];
  beforeAll(async () => {
    samples = await draw(size);
  });

  test(`every background of ${size} pixels is measured right`, () => {
    expect(shareOf(samples, s => measurePortrait(s.pixels).background === s.portrait.background)).toBe(1);
  });
  test(`every hair colour of ${size} pixels is measured right`, () => {
    expect(
      shareOf(samples, s => measurePortrait(s.pixels).hair_color === s.portrait.hair_color),
    ).toBeGreaterThanOrEqual(hair);
  });
  test(`clothes colours of ${size} pixels are measured right unless hair covers them`, () => {
    expect(
      shareOf(samples, s => measurePortrait(s.pixels).clothes_color === s.portrait.clothes_color),
    ).toBeGreaterThanOrEqual(clothes);
  });
  test(`glasses of ${size} pixels are seen if there are any`, () => {
    expect(
      shareOf(samples, s => measurePortrait(s.pixels).glasses === (s.portrait.glasses !== 'none')),
    ).toBeGreaterThanOrEqual(0.99);
  });
});

/** Adds a 3 x 3 box blur and uniform noise, so that a picture looks like a sample of a model early in training. */
function damage({ data, width, height }: RgbPixels, noise: number): RgbPixels {
  const damaged = new Uint8Array(data.length);
  let state = 12345;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (const dy of [-1, 0, 1]) {
          for (const dx of [-1, 0, 1]) {
            const row = Math.min(height - 1, Math.max(0, y + dy));
            const column = Math.min(width - 1, Math.max(0, x + dx));
            sum += data[(row * width + column) * 3 + c] ?? 0;
          }
        }
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        const random = (state / 2 ** 32 - 0.5) * 2 * noise;
        damaged[(y * width + x) * 3 + c] = Math.min(255, Math.max(0, Math.round(sum / 9 + random)));
      }
    }
  }
  return { data: damaged, width, height };
}

test('blurred and noisy portraits are still measured', async () => {
  const samples = (await draw(64)).map(({ portrait, pixels }) => ({ portrait, pixels: damage(pixels, 12) }));
  expect(shareOf(samples, s => measurePortrait(s.pixels).background === s.portrait.background)).toBe(1);
  expect(shareOf(samples, s => measurePortrait(s.pixels).hair_color === s.portrait.hair_color)).toBeGreaterThan(0.95);
  expect(shareOf(samples, s => measurePortrait(s.pixels).glasses === (s.portrait.glasses !== 'none'))).toBeGreaterThan(
    0.95,
  );
});

test('a flat grey picture has neither a hair colour nor glasses', () => {
  const grey: RgbPixels = { data: new Uint8Array(64 * 64 * 3).fill(200), width: 64, height: 64 };
  expect(measurePortrait(grey)).toMatchObject({ hair_color: undefined, glasses: false });
});

test('a picture that is not a square of at least 32 pixels is refused', () => {
  const pixels = (width: number, height: number) => ({ data: new Uint8Array(width * height * 3), width, height });
  expect(() => measurePortrait(pixels(64, 32))).toThrow('64 x 32');
  expect(() => measurePortrait(pixels(16, 16))).toThrow('16 x 16');
});

test('the seam ratio of real portraits lies a little below 1', async () => {
  const ratio = seamRatio(
    (await draw(64)).map(({ pixels }) => pixels),
    8,
  );
  expect(ratio).toBeGreaterThan(0.7);
  expect(ratio).toBeLessThan(1.1);
});
