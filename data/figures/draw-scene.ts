/** @file What lies behind a figure, in shades of its background, and its shadow. */
import { drawUniform } from '../random.ts';
import { BACKGROUNDS, shade, tint } from './palette.ts';
import type { PlacedFigure } from './place.ts';
import { SIDES } from './skeleton.ts';
import { box, circle, ellipse } from './svg.ts';

/** A shade of the background that figures cast and stand on. */
const DARK = 0.9;

export function drawScene({ figure, skeleton, key, scale }: PlacedFigure): string {
  const color = BACKGROUNDS[figure.background];
  const feet = SIDES.map(side => skeleton[side].ankle);
  const sole = Math.max(...feet.map(({ y }) => y)) + 0.045 * scale;
  const wall = box(0, 0, 1, 1, color);
  const draw = (name: string) => drawUniform(...key, 'scene', name);
  const floor = sole - (0.05 + 0.1 * draw('floor'));
  const ground = box(0, floor, 1, 1 - floor, shade(color, DARK));
  const standing = feet.filter(({ y }) => y > sole - 0.12 * scale);
  const middle = standing.reduce((sum, { x }) => sum + x, 0) / standing.length;
  const spread = Math.max(...standing.map(({ x }) => Math.abs(x - middle)));
  const shadow = ellipse({ x: middle, y: sole - 0.004 }, spread + 0.13 * scale, 0.026 * scale, shade(color, 0.86));
  switch (figure.scene) {
    case 'plain':
      return wall + shadow;
    case 'floor':
      return wall + ground + shadow;
    case 'hills': {
      const hill = (x: number, radius: number) => circle({ x, y: floor + radius * 0.62 }, radius, shade(color, 0.94));
      const sun = circle({ x: 0.1 + 0.8 * draw('sun'), y: 0.3 }, 0.07, tint(color, 0.6));
      return wall + sun + hill(0.1 + 0.2 * draw('one'), 0.34) + hill(0.7 + 0.25 * draw('two'), 0.42) + ground + shadow;
    }
    case 'stripes': {
      const first = 0.1 * draw('stripe') - 0.1;
      const stripes = [0, 1, 2, 3, 4, 5].map(i => box(first + 0.2 * i, 0.16, 0.1, floor - 0.16, tint(color, 0.4)));
      return wall + stripes.join('') + ground + shadow;
    }
  }
}
