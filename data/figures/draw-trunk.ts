/** @file Draws the garment on a figure's trunk. */
import { SKINS, shade, TOP_COLORS, tint } from './palette.ts';
import type { PlacedFigure } from './place.ts';
import { between, type Point } from './skeleton.ts';
import { circle, line, path } from './svg.ts';

/** @param legWidth Width of a thigh, which the garment covers at the hips. */
export function drawTrunk({ figure, skeleton, scale }: PlacedFigure, legWidth: number): string {
  const { left, right, neck, pelvis } = skeleton;
  const color = TOP_COLORS[figure.top_color];
  const [dark, pale] = [shade(color, 0.8), tint(color, 0.7)];
  const outline = [right.shoulder, left.shoulder, left.hip, right.hip];
  const round = Math.min(0.066 * scale, legWidth);
  const trunk = path(outline, color, round);
  const down = (share: number): Point => between(neck, pelvis, share);
  const across = (share: number): [Point, Point] => [
    between(right.shoulder, right.hip, share),
    between(left.shoulder, left.hip, share),
  ];
  const collar = circle(down(-0.01), 0.034 * scale, SKINS[figure.skin]);
  switch (figure.top) {
    case 't-shirt':
      return trunk + collar;
    case 'hoodie': {
      const pocket = [down(0.62), down(0.86)].map(point =>
        line([shift(point, -0.042), shift(point, 0.042)], dark, 0.03 * scale),
      );
      const hood = line([shift(down(0), -0.05), down(0.1), shift(down(0), 0.05)], dark, 0.034 * scale);
      return trunk + pocket.join('') + collar + hood;
    }
    case 'vest':
      return (
        trunk +
        path([shift(down(-0.05), -0.042), shift(down(-0.05), 0.042), down(0.4)], SKINS[figure.skin], 0.012 * scale)
      );
    case 'striped shirt':
      return (
        trunk +
        [0.28, 0.55, 0.82]
          .map(share => line(across(share), figure.top_color === 'white' ? dark : pale, 0.022 * scale))
          .join('') +
        collar
      );
    case 'jacket':
      return (
        trunk +
        path([shift(down(0), -0.04), shift(down(0), 0.04), down(0.3)], pale, 0.01 * scale) +
        line([down(0.3), down(1.05)], dark, 0.012 * scale)
      );
    case 'dungarees': {
      const straps = [-1, 1].map(sign =>
        line([shift(down(-0.02), sign * 0.065), shift(down(0.42), sign * 0.05)], dark, 0.022 * scale),
      );
      return (
        trunk +
        collar +
        straps.join('') +
        path(
          [shift(down(0.42), -0.056), shift(down(0.42), 0.056), shift(down(0.72), 0.056), shift(down(0.72), -0.056)],
          dark,
          0.02 * scale,
        )
      );
    }
  }

  function shift({ x, y }: Point, bodies: number): Point {
    return { x: x + bodies * scale, y };
  }
}
