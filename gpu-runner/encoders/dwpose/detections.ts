/** @file Persons in the output of YOLOX: boxes decoded, duplicates suppressed, cut to the picture. */

/** Corners in pixels of the picture. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Person {
  readonly box: Box;
  /** How sure the detector is, 0 to 1. */
  readonly score: number;
}

export interface DetectorSize {
  readonly height: number;
  readonly width: number;
}

/** Pixels of the canvas for each place of the three grids of the output. */
const STRIDES = [8, 16, 32] as const;
/** Of two boxes that share more of their union than this, the one with the lower score is left out. */
const LARGEST_OVERLAP = 0.45;
/** Person among the classes of COCO. */
const PERSON = 0;

/** Places of the grids together. */
export function countPlaces({ height, width }: DetectorSize): number {
  return STRIDES.reduce((sum, stride) => sum + Math.floor(height / stride) * Math.floor(width / stride), 0);
}

/**
 * Boxes of persons, the surest first. They may reach beyond the picture.
 * @param output [places, 5 + classes]: centre and size as the network gives them, scores of an object and of classes.
 * @param ratio Pixels of the canvas for one of the picture.
 */
export function findPersons(
  output: Float32Array,
  classes: number,
  size: DetectorSize,
  ratio: number,
  leastScore: number,
): Person[] {
  const found: Person[] = [];
  let row = 0;
  for (const stride of STRIDES) {
    const columns = Math.floor(size.width / stride);
    const cells = Math.floor(size.height / stride) * columns;
    for (let cell = 0; cell < cells; cell++, row++) {
      const [x = 0, y = 0, w = 0, h = 0, object = 0] = output.subarray(row * (5 + classes), row * (5 + classes) + 5);
      const score = object * (output[row * (5 + classes) + 5 + PERSON] ?? 0);
      if (!(score > leastScore)) continue;
      const centre = { x: (x + (cell % columns)) * stride, y: (y + Math.floor(cell / columns)) * stride };
      const half = { x: (Math.exp(w) * stride) / 2, y: (Math.exp(h) * stride) / 2 };
      const box = {
        left: (centre.x - half.x) / ratio,
        top: (centre.y - half.y) / ratio,
        right: (centre.x + half.x) / ratio,
        bottom: (centre.y + half.y) / ratio,
      };
      if (Object.values(box).every(Number.isFinite)) found.push({ box, score });
    }
  }
  return suppress(found.sort((a, b) => b.score - a.score));
}

/** Leaves out each box that overlaps a surer one. @param sorted The surest first. */
function suppress(sorted: readonly Person[]): Person[] {
  const kept: Person[] = [];
  for (const person of sorted) {
    if (kept.every(other => overlap(other.box, person.box) <= LARGEST_OVERLAP)) kept.push(person);
  }
  return kept;
}

/** Share of the union. Corners are pixels that belong to the box, so that a box of one pixel has an area of 1. */
function overlap(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left) + 1);
  const height = Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) + 1);
  const area = (box: Box) => (box.right - box.left + 1) * (box.bottom - box.top + 1);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** Persons cut to the picture; without those that lie outside it. */
export function cutToPicture(persons: readonly Person[], picture: DetectorSize): Person[] {
  const within = (x: number, size: number) => Math.min(size, Math.max(0, x));
  return persons
    .map(({ box, score }) => ({
      score,
      box: {
        left: within(box.left, picture.width),
        top: within(box.top, picture.height),
        right: within(box.right, picture.width),
        bottom: within(box.bottom, picture.height),
      },
    }))
    .filter(({ box }) => areaOf(box) > 0);
}

/** The person that takes most of the picture; of equal ones the surest. Undefined if there is none. */
export function largestPerson(persons: readonly Person[]): Person | undefined {
  return persons.reduce<Person | undefined>(
    (largest, person) => (largest && areaOf(largest.box) >= areaOf(person.box) ? largest : person),
    undefined,
  );
}

function areaOf({ left, top, right, bottom }: Box): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}
