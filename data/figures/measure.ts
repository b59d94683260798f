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
import {
  BACKGROUNDS,
  type BackgroundName,
  OTHER_COLORS,
  SEGMENT_NAMES,
  SEGMENTS,
  type SegmentName,
  shade,
  TOP_COLORS,
  type TopColorName,
  tint,
} from './palette.ts';
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

/** Squared distance up to which a pixel has the colour of a segment. */
const SEGMENT_DISTANCE = 75 ** 2;
/** A smaller patch of colour is no limb, as a share of the picture. */
const LEAST_AREA = 0.0012;
/** Of a limb in two parts, such as one behind another, parts count that have this share of the largest. */
const PART_SHARE = 0.3;
const SEGMENT_COLORS = SEGMENT_NAMES.map(name => rgbOf(SEGMENTS[name]));

/** @throws Unprocessable if the picture is not square, or smaller than 32 pixels. */
export function measureFigure(pixels: RgbPixels): MeasuredFigure {
  requireSquare(pixels, 'a figure');
  const { width } = pixels;
  const labels = labelSegments(pixels);
  const rods = new Map<SegmentName, Rod>();
  for (const [i, name] of SEGMENT_NAMES.entries()) {
    const rod = fitRod(labels, i + 1, width);
    if (rod) rods.set(name, rod);
  }
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
    background: nearestName(BACKGROUNDS, medianColor(upperEdgeOf(pixels))),
    top_color: measureTop(pixels, joints),
  };
}

/** For each pixel the number of its segment from 1 on, or 0. */
function labelSegments({ data, width, height }: RgbPixels): Uint8Array {
  const labels = new Uint8Array(width * height);
  for (let at = 0; at < labels.length; at++) {
    const color: Rgb = [data[3 * at] ?? 0, data[3 * at + 1] ?? 0, data[3 * at + 2] ?? 0];
    let best = 0;
    let distance = SEGMENT_DISTANCE;
    for (const [i, segment] of SEGMENT_COLORS.entries()) {
      const d = squaredDistance(segment, color);
      if (d < distance) [best, distance] = [i + 1, d];
    }
    if (best > 0 && OTHER_COLORS.every(other => squaredDistance(other, color) > distance)) labels[at] = best;
  }
  return labels;
}

/** A straight limb: the middle of its pixels, and the half of a uniform rod with their variance. In pixels. */
interface Rod {
  readonly center: Point;
  readonly half: Point;
}

function fitRod(labels: Uint8Array, label: number, width: number): Rod | undefined {
  const parts = findParts(labels, label, width);
  const largest = Math.max(0, ...parts.map(part => part.length));
  if (largest < LEAST_AREA * width * width) return undefined;
  const pixels = parts.filter(part => part.length >= PART_SHARE * largest).flat();
  let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
  for (const at of pixels) {
    const [x, y] = [(at % width) + 0.5, Math.floor(at / width) + 0.5];
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  const n = pixels.length;
  const center = { x: sx / n, y: sy / n };
  const [vx, vy, vxy] = [sxx / n - center.x ** 2, syy / n - center.y ** 2, sxy / n - center.x * center.y];
  const variance = (vx + vy) / 2 + Math.hypot((vx - vy) / 2, vxy);
  const angle = Math.atan2(2 * vxy, vx - vy) / 2;
  const length = Math.sqrt(3 * Math.max(0, variance));
  return { center, half: { x: Math.cos(angle) * length, y: Math.sin(angle) * length } };
}

/** Indices of pixels of a label, by 8-connected part. */
function findParts(labels: Uint8Array, label: number, width: number): number[][] {
  const seen = new Uint8Array(labels.length);
  const height = labels.length / width;
  const parts: number[][] = [];
  for (let start = 0; start < labels.length; start++) {
    if (labels[start] !== label || seen[start]) continue;
    seen[start] = 1;
    const part = [start];
    for (let i = 0; i < part.length; i++) {
      const at = part[i] ?? 0;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (labels[next] !== label || seen[next]) continue;
          seen[next] = 1;
          part.push(next);
        }
      }
    }
    parts.push(part);
  }
  return parts;
}

interface Limb {
  readonly from: Point;
  readonly joint: Point;
  readonly to: Point;
}

/** The limb of two segments: they meet at the ends that lie nearest to each other. */
function joinRods(upper: Rod | undefined, lower: Rod | undefined): Limb | undefined {
  if (upper === undefined || lower === undefined) return undefined;
  let best: Limb | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (const s of [1, -1]) {
    for (const t of [1, -1]) {
      const [end, start] = [endOf(upper, s), endOf(lower, t)];
      const d = Math.hypot(end.x - start.x, end.y - start.y);
      if (d >= distance) continue;
      distance = d;
      best = { from: endOf(upper, -s), joint: between(end, start, 0.5), to: endOf(lower, -t) };
    }
  }
  return best;
}

function endOf({ center, half }: Rod, sign: number): Point {
  return { x: center.x + sign * half.x, y: center.y + sign * half.y };
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
