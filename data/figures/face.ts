/** @file The face of a figure: 68 points in the order of iBUG 300-W, which the drawing follows. */
import type { Expression } from './attributes.ts';
import type { PlacedFigure } from './place.ts';
import { type Point, type Side, turn } from './skeleton.ts';

export interface Face {
  /** 68 points, from the left of the picture to its right: the person's right side first. */
  readonly points: readonly Point[];
  readonly eyes: Readonly<Record<Side, Point>>;
  readonly ears: Readonly<Record<Side, Point>>;
}

/** Width of a head over its height. */
export const HEAD_WIDTH = 0.84;

/** Half of the width of the mouth, how far its corners lie above its middle, and half of the opening of the lips. */
const MOUTHS: Readonly<Record<Expression, { readonly width: number; readonly smile: number; readonly open: number }>> =
  {
    smiling: { width: 0.34, smile: 0.13, open: 0.05 },
    serious: { width: 0.26, smile: 0, open: 0.02 },
    surprised: { width: 0.16, smile: 0, open: 0.15 },
  };
const EYE = { x: 0.36, y: -0.02, width: 0.13, height: 0.09 };

export function faceOf({ figure, skeleton }: PlacedFigure): Face {
  const { center, radius, tilt } = skeleton.head;
  const place = (x: number, y: number): Point => {
    const turned = turn({ x: x * radius * HEAD_WIDTH, y: y * radius }, tilt);
    return { x: center.x + turned.x, y: center.y + turned.y };
  };
  const local = localPoints(figure.expression);
  const eye = (sign: number) => place(sign * EYE.x, EYE.y);
  const ear = (sign: number) => place(sign * 1.02, 0.05);
  return {
    points: local.map(([x, y]) => place(x, y)),
    eyes: { left: eye(1), right: eye(-1) },
    ears: { left: ear(1), right: ear(-1) },
  };
}

/** In head units: x and y in [-1, 1]. */
function localPoints(expression: Expression): (readonly [number, number])[] {
  const raised = expression === 'surprised' ? -0.1 : 0;
  const jaw = Array.from({ length: 17 }, (_, i) => {
    const angle = Math.PI * (1 - i / 16);
    return [Math.cos(angle), 0.08 + 0.92 * Math.sin(angle)] as const;
  });
  const arc = (sign: number) =>
    Array.from({ length: 5 }, (_, i) => {
      const along = sign < 0 ? i / 4 : 1 - i / 4;
      return [sign * (0.56 - 0.38 * along), -0.24 - 0.07 * Math.sin(Math.PI * (0.25 + 0.6 * along)) + raised] as const;
    });
  const brows = [...arc(-1), ...arc(1)];
  const bridge = [0, 1, 2, 3].map(i => [0, -0.02 + 0.09 * i] as const);
  const nostrils = [-2, -1, 0, 1, 2].map(i => [0.07 * i, 0.33 - 0.02 * Math.abs(i)] as const);
  const eye = (sign: number) => {
    const { x, y, width, height } = EYE;
    const lid = (across: number, over: number) => [sign * x + across * width, y + over * height] as const;
    // Corners and upper lid from the left, then the lower lid from the right.
    return [lid(-1, 0), lid(-0.4, -1), lid(0.4, -1), lid(1, 0), lid(0.4, 1), lid(-0.4, 1)];
  };
  return [...jaw, ...brows, ...bridge, ...nostrils, ...eye(-1), ...eye(1), ...mouthPoints(MOUTHS[expression])];
}

function mouthPoints({ width, smile, open }: (typeof MOUTHS)[Expression]): (readonly [number, number])[] {
  const y = 0.56;
  const lip = (across: number, side: number, thickness: number) => {
    const bow = 1 - across ** 2;
    return [across * width, y - smile + smile * bow + side * bow * (open + thickness)] as const;
  };
  const [outer, inner] = [0.05, 0];
  const shares = [-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1];
  return [
    ...shares.map(share => lip(share, -1, outer)),
    ...[2 / 3, 1 / 3, 0, -1 / 3, -2 / 3].map(share => lip(share, 1, outer)),
    ...[-0.9, -0.45, 0, 0.45, 0.9].map(share => lip(share, -1, inner)),
    ...[0.45, 0, -0.45].map(share => lip(share, 1, inner)),
  ];
}
