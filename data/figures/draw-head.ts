/** @file Draws a figure's head: hair behind and before the face, the face by its 68 points, and a hat. */
import { faceOf, HEAD_WIDTH } from './face.ts';
import { BACKGROUNDS, HAIR_COLORS, SHOE_COLOR, SKINS, shade } from './palette.ts';
import type { PlacedFigure } from './place.ts';
import { type Point, turn } from './skeleton.ts';
import { circle, ellipse, line, path } from './svg.ts';

const INK = '2a2023';
const LIPS = 'a8474c';

/** Hair behind the trunk, and all that lies before it. */
export function drawHead(placed: PlacedFigure): { readonly back: string; readonly front: string } {
  const { figure, skeleton } = placed;
  const { center, radius, tilt } = skeleton.head;
  const hair = HAIR_COLORS[figure.hair_color];
  const skin = SKINS[figure.skin];
  /** In head units. */
  const at = (x: number, y: number): Point => {
    const turned = turn({ x: x * radius, y: y * radius }, tilt);
    return { x: center.x + turned.x, y: center.y + turned.y };
  };
  const oval = (x: number, y: number, rx: number, ry: number, color: string) =>
    ellipse(at(x, y), rx * radius, ry * radius, color, tilt);
  const backs: Readonly<Record<typeof figure.hair, string>> = {
    short: '',
    bald: '',
    long: path([at(-0.72, -0.2), at(0.72, -0.2), at(0.78, 1.15), at(-0.78, 1.15)], hair, 0.5 * radius),
    bun: circle(at(0, -1.2), 0.42 * radius, hair),
    afro: circle(at(0, -0.32), 1.28 * radius, hair),
    ponytail: path([at(0.5, -0.7), at(1.15, -0.5), at(1.2, 0.7), at(0.95, 0.9)], hair, 0.25 * radius),
  };
  const face = faceOf(placed);
  const points = (from: number, to: number) => face.points.slice(from, to) as Point[];
  const ears = [face.ears.left, face.ears.right].map(ear => circle(ear, 0.17 * radius, shade(skin, 0.93))).join('');
  const skull = oval(0, 0, HEAD_WIDTH, 1, skin);
  const fringe =
    figure.hair === 'bald'
      ? ''
      : path(
          [
            ...[200, 225, 250, 270, 290, 315, 340].map(angle => {
              const radians = (angle * Math.PI) / 180;
              return at(Math.cos(radians) * HEAD_WIDTH * 0.98, Math.sin(radians) * 0.98);
            }),
            at(0.5, -0.5),
            at(-0.2, -0.62),
            at(-0.62, -0.42),
          ],
          hair,
          0.14 * radius,
        );
  const features = [
    line(points(17, 22), INK, 0.07 * radius),
    line(points(22, 27), INK, 0.07 * radius),
    circle(face.eyes.left, 0.105 * radius, INK),
    circle(face.eyes.right, 0.105 * radius, INK),
    line([face.points[29] as Point, face.points[30] as Point], shade(skin, 0.78), 0.09 * radius),
    path(points(48, 60), LIPS, 0.03 * radius),
  ].join('');
  return { back: backs[figure.hair], front: ears + skull + features + fringe + drawHat() };

  function drawHat(): string {
    if (figure.hat === 'none') return '';
    const color = figure.hat === 'cap' ? SHOE_COLOR : shade(BACKGROUNDS[figure.background], 0.55);
    const dome = path(
      [180, 200, 225, 250, 270, 290, 315, 340, 360].map(angle => {
        const radians = (angle * Math.PI) / 180;
        return at(Math.cos(radians) * HEAD_WIDTH * 1.02, -0.42 + Math.sin(radians) * 0.68);
      }),
      color,
      0.1 * radius,
    );
    const brim = line([at(-0.86, -0.42), at(0.86, -0.42)], shade(color, 0.75), 0.2 * radius);
    return (
      dome + (figure.hat === 'cap' ? line([at(-0.3, -0.4), at(1.25, -0.36)], shade(color, 0.7), 0.16 * radius) : brim)
    );
  }
}
