import { describe, expect, test } from 'vitest';
import { placeFigure } from '../../../data/figures/place.ts';
import { freshFigures } from '../../../data/figures/prompts.ts';
import { drawFigureSvg } from '../../../data/figures/render.ts';
import { InvalidInput } from '../../../errors.ts';
import { renderSvgRgb } from '../../../functions/pictures/image.ts';
import { planDemo, USAGE } from '../options.ts';
import type { KnownPicture } from './demo-set.ts';
import { emoji } from './emoji.ts';
import { figures } from './figures.ts';
import { portraits } from './portraits.ts';

describe('--set', () => {
  test('a set has its own preset, defaults and names; portraits have those that they always had', () => {
    expect(planDemo([])).toMatchObject({ set: portraits, dataset: 'portraits-64', experiment: 'portraits-64' });
    expect(planDemo([])).toMatchObject({ out: 'out/demo-64', samples: 22_000, pictures: 6000, prompts: 256 });
    expect(planDemo(['--set', 'figures', '--size', '32'])).toMatchObject({
      set: { preset: 'figures' },
      dataset: 'figures-32',
      experiment: 'figures-32',
      out: 'out/demo-figures-32',
      samples: figures.samples,
    });
    expect(planDemo(['--set', 'emoji', '--pictures', '500'])).toMatchObject({
      dataset: 'emoji-64-of-500',
      samples: emoji.samples,
    });
  });

  test('an unknown set is refused with the known ones, which the usage lists', () => {
    expect(() => planDemo(['--set', 'cats'])).toThrow(InvalidInput);
    expect(() => planDemo(['--set', 'cats'])).toThrow('--set cats is wrong');
    for (const { name } of [portraits, figures, emoji]) expect(USAGE).toContain(name);
  });
});

test('figures count joints in their place, by chance, and colours; of real drawings they count nearly all', async () => {
  const asked = figures.ask(12, []);
  const real = await Promise.all(
    asked.map(async (each, i): Promise<KnownPicture> => {
      const pixels = await renderSvgRgb(drawFigureSvg(placeFigure(1, i, 'prompts'), 64));
      return { ...each, pixels };
    }),
  );
  const counts = Object.fromEntries(figures.rows.map(({ key, count }) => [key, count(real)]));
  expect(counts.pck).toEqual({ right: 144, of: 144 });
  expect(counts.floor?.right).toBeLessThan(72);
  expect(counts.background).toEqual({ right: 12, of: 12 });
  expect(counts.clothes?.right).toBeGreaterThanOrEqual(11);
  expect(asked[3]?.pose).toEqual(freshFigures(1, 4)[3]?.pose);
});

test('emoji are asked for by the captions of held-out pictures, and count backgrounds', () => {
  const pixels = {
    width: 64,
    height: 64,
    data: new Uint8Array(64 * 64 * 3).map((_, i) => [0xa6, 0xef, 0xb4][i % 3] ?? 0),
  };
  const picture = (background: string): KnownPicture => ({
    attributes: { code: '1f600', name: 'grinning face', group: 'smileys and emotion', background },
    caption: `A 3D emoji of a grinning face on a ${background} background.`,
    pixels,
  });
  const heldOut = [picture('mint'), picture('coral'), picture('mint')];
  expect(emoji.ask(2, heldOut)).toEqual(
    heldOut.slice(0, 2).map(({ attributes, caption }) => ({ attributes, caption })),
  );
  expect(emoji.rows[0]?.count(heldOut)).toEqual({ right: 2, of: 3 });
});
