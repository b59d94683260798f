/** @file Where a figure stands in its picture, and how large it is. */
import { drawUniform } from '../random.ts';
import { drawFigure, type Figure, type FigureKey, type FigureStream, figureKey } from './attributes.ts';
import { footOf } from './extremities.ts';
import { extremesOf, placeSkeleton, poseFigure, SIDES, type Skeleton } from './skeleton.ts';

/** Height of an upright figure, as a share of the picture's. */
const SMALLEST = 0.62;
const TALLEST = 0.9;
/** Nothing of a figure is nearer to the edge of the picture. */
const MARGIN = 0.035;
/** The lowest foot lies below this share of the picture. */
const HIGHEST_FLOOR = 0.86;

/** Shoes and hands reach that far around their joints, in body heights. */
const THICKNESS = 0.021;

/** A figure with everything that its picture shows. */
export interface PlacedFigure {
  readonly figure: Figure;
  readonly key: FigureKey;
  /** In units of the picture: [0, 1] from its upper left corner. */
  readonly skeleton: Skeleton;
  /** Picture heights per body height. */
  readonly scale: number;
}

export function placeFigure(seed: number, index: number, stream: FigureStream = 'set'): PlacedFigure {
  const figure = drawFigure(seed, index, stream);
  const key = figureKey(seed, index, stream);
  const body = poseFigure(figure, key);
  const points = [...extremesOf(body), ...SIDES.flatMap(side => Object.values(footOf(body[side], side, 1)))];
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = 1 - 2 * MARGIN;
  const wanted = SMALLEST + (TALLEST - SMALLEST) * drawUniform(...key, 'scale');
  const scale = Math.min(wanted, room / (right - left + 2 * THICKNESS), room / (bottom - top + THICKNESS));
  const width = (right - left + 2 * THICKNESS) * scale;
  const x = MARGIN + drawUniform(...key, 'x') * (room - width) - (left - THICKNESS) * scale;
  const highest = Math.max(HIGHEST_FLOOR, MARGIN + (bottom - top + THICKNESS) * scale);
  const floor = highest + drawUniform(...key, 'y') * (1 - MARGIN - highest);
  const y = floor - (bottom + THICKNESS) * scale;
  return { figure, key, skeleton: placeSkeleton(body, scale, { x, y }), scale };
}
