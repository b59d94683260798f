/**
 * @file The body of a figure as numbers: lengths and angles drawn from its key, and the places of its joints. A unit is
 * the height of an upright figure; x goes to the right of the picture, y down. Figures face the viewer: their left is
 * on the right of the picture.
 */
import { drawUniform } from '../random.ts';
import { ACTIVITIES, type Activity, type Range } from './activities.ts';
import type { Figure, FigureKey } from './attributes.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Side = 'left' | 'right';
export const SIDES = ['left', 'right'] as const satisfies readonly Side[];

export interface Limbs {
  readonly shoulder: Point;
  readonly elbow: Point;
  readonly wrist: Point;
  /** Tip of the middle finger. */
  readonly hand: Point;
  readonly hip: Point;
  readonly knee: Point;
  readonly ankle: Point;
}

export interface Skeleton {
  readonly left: Limbs;
  readonly right: Limbs;
  readonly neck: Point;
  readonly pelvis: Point;
  readonly head: {
    readonly center: Point;
    /** Half of the height; the width is 0.84 of it. */
    readonly radius: number;
    /** Degrees, clockwise. */
    readonly tilt: number;
  };
}

const LENGTH = { trunk: 0.3, neck: 0.045, upperArm: 0.165, forearm: 0.15, hand: 0.075, thigh: 0.235, shin: 0.225 };
const HALF = { shoulders: 0.118, hips: 0.062 };
const HEAD_RADIUS = 0.088;
/** Shortest share of its length that a limb seems to have, when it points a little to the viewer. */
const FORESHORTENED = 0.86;
const MOST_HEAD_TILT = 10;

/** Draws the pose of a figure. The pelvis lies at the origin. */
export function poseFigure({ activity, side, build }: Figure, key: FigureKey): Skeleton {
  const plan: Activity = ACTIVITIES[activity];
  const draw = ([low, high]: Range, ...name: string[]) => low + (high - low) * drawUniform(...key, ...name);
  const broad = { slim: 0.9, average: 1, broad: 1.1 }[build];
  const nearSign = signOf(side);
  const lean = draw(plan.lean, 'lean') * nearSign;
  const up = (distance: number, across: number): Point => turn({ x: across, y: -distance }, lean);
  const neckBase = up(LENGTH.trunk, 0);
  const tilt = lean / 2 + draw([-MOST_HEAD_TILT, MOST_HEAD_TILT], 'head tilt');
  const neckTop = add(neckBase, turn({ x: 0, y: -LENGTH.neck }, lean));
  const center = add(neckTop, turn({ x: 0, y: -HEAD_RADIUS * 0.86 }, tilt));

  const limbsOf = (own: Side): Limbs => {
    const ranges = own === side ? plan.near : plan.far;
    const sign = signOf(own);
    const length = (part: keyof typeof LENGTH) => LENGTH[part] * draw([FORESHORTENED, 1], own, part);
    const toward = (angle: number, distance: number): Point => {
      const radians = (angle * Math.PI) / 180;
      return { x: sign * Math.sin(radians) * distance, y: Math.cos(radians) * distance };
    };
    const shoulder = up(LENGTH.trunk - 0.022, sign * HALF.shoulders * broad);
    const arm = draw(ranges.shoulder, own, 'shoulder') + sign * lean * -0.5;
    const elbow = add(shoulder, toward(arm, length('upperArm')));
    const fore = arm + draw(ranges.elbow, own, 'elbow');
    const wrist = add(elbow, toward(fore, length('forearm')));
    const hand = add(wrist, toward(fore, LENGTH.hand));
    const hip: Point = { x: sign * HALF.hips * broad, y: 0 };
    const leg = draw(ranges.hip, own, 'hip');
    const knee = add(hip, toward(leg, length('thigh')));
    const ankle = add(knee, toward(leg + draw(ranges.knee, own, 'knee'), length('shin')));
    return { shoulder, elbow, wrist, hand, hip, knee, ankle };
  };
  return {
    left: limbsOf('left'),
    right: limbsOf('right'),
    neck: neckBase,
    pelvis: { x: 0, y: 0 },
    head: { center, radius: HEAD_RADIUS, tilt },
  };
}

/** 1 for limbs on the right of the picture. */
export function signOf(side: Side): 1 | -1 {
  return side === 'left' ? 1 : -1;
}

export function add(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

/** Turns a point about the origin, clockwise on the picture. */
export function turn({ x, y }: Point, degrees: number): Point {
  const radians = (degrees * Math.PI) / 180;
  const [sin, cos] = [Math.sin(radians), Math.cos(radians)];
  return { x: x * cos - y * sin, y: x * sin + y * cos };
}

/** From a to b: 0 is a. */
export function between(a: Point, b: Point, share: number): Point {
  return { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share };
}

/** Every place of a skeleton that must lie in the picture. */
export function extremesOf({ left, right, head }: Skeleton): Point[] {
  const { center, radius } = head;
  return [
    ...[left, right].flatMap(limbs => Object.values(limbs) as Point[]),
    { x: center.x - radius, y: center.y - 1.3 * radius },
    { x: center.x + radius, y: center.y + radius },
  ];
}

/** Moves and scales a skeleton. */
export function placeSkeleton({ left, right, neck, pelvis, head }: Skeleton, scale: number, origin: Point): Skeleton {
  const place = ({ x, y }: Point): Point => ({ x: origin.x + x * scale, y: origin.y + y * scale });
  const limbs = (each: Limbs) =>
    Object.fromEntries(Object.entries(each).map(([name, point]) => [name, place(point)])) as unknown as Limbs;
  return {
    left: limbs(left),
    right: limbs(right),
    neck: place(neck),
    pelvis: place(pelvis),
    head: { center: place(head.center), radius: head.radius * scale, tilt: head.tilt },
  };
}
