/**
 * @file Reads joints and clothes of a figure from pixels: each segment of a limb has a colour of its own. Nothing of
 * the pose or of the attributes enters. measure.slow.test.ts states the error on real drawings.
 */
import {
  colorAt,
  medianColor,
  nearestName,
  type Rgb,
  type RgbPixels,
  requireSquare,
  rgbOf,
  squaredDistance,
} from '../pixels.ts';
import { labelMixtures, labelSegments } from './label-pixels.ts';
import {
  BACKGROUNDS,
  type BackgroundName,
  SEGMENT_NAMES,
  type SegmentName,
  shade,
  TOP_COLORS,
  type TopColorName,
  tint,
} from './palette.ts';
import { fitRod, joinRods, type Rod } from './rods.ts';
import { between, type Point, SIDES } from './skeleton.ts';

/** The joints that are read, in the words of COCO-WholeBody. */
export const MEASURED_JOINTS = SIDES.flatMap(side =>
  (['shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'] as const).map(part => `${side}_${part}` as const),
);
export type MeasuredJoint = (typeof MEASURED_JOINTS)[number];

export interface MeasuredFigure {
  /** In [0, 1] of the picture; a joint is absent if its limb is not found. */
  readonly joints: Readonly<Partial<Record<MeasuredJoint, Point>>>;
  readonly background: BackgroundName;
  /** Undefined if shoulders and hips are not found. */
  readonly top_color: TopColorName | undefined;
}

/** @throws Unprocessable if the picture is not square, or smaller than 32 pixels. */
export function measureFigure(pixels: RgbPixels): MeasuredFigure {
  requireSquare(pixels, 'a figure');
  const { width } = pixels;
  const background = medianColor(upperEdgeOf(pixels));
  const rods = findRods(pixels, background);
  const joints: Partial<Record<MeasuredJoint, Point>> = {};
  const set = (name: MeasuredJoint, { x, y }: Point) => {
    joints[name] = { x: x / width, y: y / width };
  };
  for (const side of SIDES) {
    const arm = joinRods(rods.get(`${side}_upper_arm`), rods.get(`${side}_forearm`));
    if (arm) {
      set(`${side}_shoulder`, arm.from);
      set(`${side}_elbow`, arm.joint);
      set(`${side}_wrist`, arm.to);
    }
    const leg = joinRods(rods.get(`${side}_thigh`), rods.get(`${side}_shin`));
    if (leg) {
      set(`${side}_hip`, leg.from);
      set(`${side}_knee`, leg.joint);
      set(`${side}_ankle`, leg.to);
    }
  }
  return {
    joints,
    background: nearestName(BACKGROUNDS, background),
    top_color: measureTop(pixels, joints),
  };
}

/** A limb of which too few pixels have its own colour is looked for among mixtures with the background. */
function findRods(pixels: RgbPixels, background: Rgb): ReadonlyMap<SegmentName, Rod> {
  const { width } = pixels;
  const labels = labelSegments(pixels);
  const rods = SEGMENT_NAMES.map((name, i) => [name, fitRod(labels, i + 1, width)] as const);
  const mixed = rods.some(([, rod]) => rod === undefined) ? labelMixtures(pixels, background) : undefined;
  const found = rods.map(([name, rod], i) => [name, rod ?? (mixed && fitRod(mixed, i + 1, width))] as const);
  return new Map(found.flatMap(([name, rod]) => (rod ? [[name, rod] as const] : [])));
}

/** Garments with the darker and paler shades of their patterns. */
const TOP_SHADES = (Object.keys(TOP_COLORS) as TopColorName[]).flatMap(name =>
  [TOP_COLORS[name], shade(TOP_COLORS[name], 0.8), tint(TOP_COLORS[name], 0.7)].map((hex, i) => ({
    name,
    color: rgbOf(hex),
    // The pale shades of two colours are alike.
    weight: i === 0 ? 1 : 0.25,
  })),
);

/** The commonest colour of the trunk, between shoulders and hips. */
function measureTop(pixels: RgbPixels, joints: MeasuredFigure['joints']): TopColorName | undefined {
  const { left_shoulder, right_shoulder, left_hip, right_hip } = joints;
  if (!left_shoulder || !right_shoulder || !left_hip || !right_hip) return undefined;
  const counts = new Map<TopColorName, number>();
  for (const across of [0.25, 0.375, 0.5, 0.625, 0.75]) {
    for (const down of [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]) {
      const place = between(between(right_shoulder, left_shoulder, across), between(right_hip, left_hip, across), down);
      const color = colorNear(pixels, place);
      const { name, weight } = TOP_SHADES.reduce((best, each) =>
        squaredDistance(each.color, color) < squaredDistance(best.color, color) ? each : best,
      );
      counts.set(name, (counts.get(name) ?? 0) + weight);
    }
  }
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}

function colorNear(pixels: RgbPixels, { x, y }: Point): Rgb {
  const { width, height } = pixels;
  const column = Math.max(0, Math.min(width - 1, Math.floor(x * width)));
  const row = Math.max(0, Math.min(height - 1, Math.floor(y * height)));
  return colorAt(pixels, row, column);
}

/** Pixels along the upper edge, which no figure reaches. */
function upperEdgeOf(pixels: RgbPixels): Rgb[] {
  const rows = Math.max(1, Math.round(pixels.height / 32));
  return Array.from({ length: rows * pixels.width }, (_, i) =>
    colorAt(pixels, Math.floor(i / pixels.width), i % pixels.width),
  );
}
