/** @file Finds the segments of limbs among labelled pixels, as straight rods, and the joints where two of them meet. */
import { between, type Point } from './skeleton.ts';

/** A smaller patch of colour is no limb, as a share of the picture. */
const LEAST_AREA = 0.0012;
/** Of a limb in two parts, such as one behind another, parts count that have this share of the largest. */
const PART_SHARE = 0.3;

/** A straight limb: the middle of its pixels, and the half of a uniform rod with their variance. In pixels. */
export interface Rod {
  readonly center: Point;
  readonly half: Point;
}

/** The rod of the pixels of a label. @param labels [height, width]. Undefined if the limb is not found. */
export function fitRod(labels: Uint8Array, label: number, width: number): Rod | undefined {
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

/** Three joints, in pixels. */
export interface Limb {
  readonly from: Point;
  readonly joint: Point;
  readonly to: Point;
}

/** The limb of two segments: they meet at the ends that lie nearest to each other. */
export function joinRods(upper: Rod | undefined, lower: Rod | undefined): Limb | undefined {
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
