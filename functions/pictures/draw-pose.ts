/** @file Draws the joints of a person over a picture. Only sums, products and roots: equal bytes on every machine. */
import { type BodyPart, WHOLEBODY_BONES, WHOLEBODY_PARTS } from '../../configs/coco-wholebody.ts';
import type { RgbImage } from './planar.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** Colours that people who see no red or no green tell apart (Okabe and Ito, Color Universal Design). */
const COLOURS: Readonly<Record<BodyPart, Colour>> = {
  middle: [240, 228, 66],
  left: [230, 159, 0],
  right: [86, 180, 233],
  face: [255, 255, 255],
  left_hand: [213, 94, 0],
  right_hand: [0, 158, 115],
};
const SHADOW: Colour = [0, 0, 0];

/** Width of a line as a share of the longer side: two pixels of a thumbnail. */
const LINE = 1 / 90;
/** Radius of a joint, in widths of a line. The face has many points close together. */
const DOT = 0.9;
const FACE_DOT = 0.45;
/** What the dark border of lines and points adds to their radius, in widths of a line. */
const BORDER = 0.35;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Joints that are as sure as this are drawn: what training takes for a joint unless a config says otherwise. */
export const LEAST_CONFIDENCE = 0.05;

/**
 * A copy of the picture with bones and joints.
 * @param pose [133, (x, y, confidence)], x and y in [-1, 1]. Less sure joints are left out.
 */
export function drawPose(image: RgbImage, pose: ArrayLike<number>, threshold = LEAST_CONFIDENCE): RgbImage {
  const drawn = { ...image, data: image.data.slice() };
  const width = Math.max(1, Math.max(image.width, image.height) * LINE);
  const joints = WHOLEBODY_PARTS.map((_, joint): Point | undefined => {
    const [x = 0, y = 0, confidence = 0] = [pose[joint * 3], pose[joint * 3 + 1], pose[joint * 3 + 2]];
    if (!(confidence > 0 && confidence >= threshold && Number.isFinite(x) && Number.isFinite(y))) return undefined;
    return { x: ((x + 1) / 2) * image.width, y: ((y + 1) / 2) * image.height };
  });
  const bones = Object.entries(WHOLEBODY_BONES).flatMap(([part, pairs]) =>
    pairs.flatMap(([from, to]) => {
      const [a, b] = [joints[from], joints[to]];
      return a && b ? [{ a, b, part: part as BodyPart }] : [];
    }),
  );
  const dots = joints.flatMap((at, joint) => {
    const part = WHOLEBODY_PARTS[joint] ?? 'middle';
    return at ? [{ a: at, b: at, part }] : [];
  });
  const radiusOf = (part: BodyPart) => (part === 'face' ? FACE_DOT : DOT) * width;
  // Borders first: they lie below all colours.
  for (const { a, b } of bones) stroke(drawn, a, b, width * (0.5 + BORDER), SHADOW);
  for (const { a, b, part } of dots) stroke(drawn, a, b, radiusOf(part) + width * BORDER, SHADOW);
  for (const { a, b, part } of bones) stroke(drawn, a, b, width / 2, COLOURS[part]);
  for (const { a, b, part } of dots) stroke(drawn, a, b, radiusOf(part), COLOURS[part]);
  return drawn;
}

/** Colours the pixels within `radius` of the line from a to b; those at its edge in part. */
function stroke({ data, width, height }: RgbImage, a: Point, b: Point, radius: number, colour: Colour): void {
  const range = (from: number, to: number, size: number) => [
    Math.max(0, Math.floor(Math.min(from, to) - radius - 1)),
    Math.min(size - 1, Math.ceil(Math.max(from, to) + radius + 1)),
  ];
  const [left = 0, right = -1] = range(a.x, b.x, width);
  const [top = 0, bottom = -1] = range(a.y, b.y, height);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const covered = Math.min(1, radius + 0.5 - distance({ x: x + 0.5, y: y + 0.5 }, a, b));
      if (covered <= 0) continue;
      const pixel = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) {
        const before = data[pixel + c] ?? 0;
        data[pixel + c] = Math.floor(before + ((colour[c] ?? 0) - before) * covered + 0.5);
      }
    }
  }
}

/** From a point to the line from a to b. */
function distance(point: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((point.x - a.x) * dx + (point.y - a.y) * dy) / length;
  const share = Math.min(1, Math.max(0, along));
  const [x, y] = [point.x - a.x - share * dx, point.y - a.y - share * dy];
  return Math.sqrt(x * x + y * y);
}
