/** @file Hands and feet of a figure, at the ends of its limbs. */
import { add, between, type Limbs, type Point, type Side, signOf, turn } from './skeleton.ts';

/** Degrees from the middle of the hand, thumb first, and length of the finger as a share of the hand. */
export const FINGERS = [
  { name: 'thumb', spread: -52, from: 0.22, length: 0.5 },
  { name: 'forefinger', spread: -17, from: 0.5, length: 0.47 },
  { name: 'middle_finger', spread: 0, from: 0.52, length: 0.48 },
  { name: 'ring_finger', spread: 15, from: 0.5, length: 0.44 },
  { name: 'pinky_finger', spread: 31, from: 0.46, length: 0.38 },
] as const;

/** The joints of a finger from the palm to its tip. */
export type Finger = readonly Point[];

/** Fingers of a hand, thumb first. Palms face the viewer, so thumbs point outwards when arms hang down. */
export function fingersOf({ wrist, hand }: Pick<Limbs, 'wrist' | 'hand'>, side: Side): Finger[] {
  const axis = { x: hand.x - wrist.x, y: hand.y - wrist.y };
  return FINGERS.map(({ spread, from, length }) => {
    const direction = turn(axis, spread * signOf(side));
    const root = add(wrist, { x: direction.x * from, y: direction.y * from });
    const tip = add(root, { x: direction.x * length, y: direction.y * length });
    return [0, 0.4, 0.72, 1].map(share => between(root, tip, share));
  });
}

export interface Foot {
  readonly heel: Point;
  readonly bigToe: Point;
  readonly smallToe: Point;
}

/** Feet point outwards, seen from the front, and follow the shin. */
export function footOf({ knee, ankle }: Pick<Limbs, 'knee' | 'ankle'>, side: Side, scale: number): Foot {
  const length = Math.hypot(ankle.x - knee.x, ankle.y - knee.y);
  const down = { x: (ankle.x - knee.x) / length, y: (ankle.y - knee.y) / length };
  const out = turn(down, -90 * signOf(side));
  const at = (below: number, outward: number): Point => ({
    x: ankle.x + (down.x * below + out.x * outward) * scale,
    y: ankle.y + (down.y * below + out.y * outward) * scale,
  });
  return { heel: at(0.026, -0.014), bigToe: at(0.032, 0.034), smallToe: at(0.026, 0.052) };
}
