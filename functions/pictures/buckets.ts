/** @file Sizes that pictures are cropped to, and the choice of one for a picture. */

export interface Bucket {
  readonly width: number;
  readonly height: number;
}

/** The seven default buckets, at one megapixel. Of equally near buckets the first wins. */
const SEED_BUCKETS: readonly Bucket[] = [
  { width: 1024, height: 1024 },
  { width: 832, height: 1216 },
  { width: 1216, height: 832 },
  { width: 768, height: 1280 },
  { width: 1280, height: 768 },
  { width: 704, height: 1344 },
  { width: 1344, height: 704 },
];
const SEED_SIDE = 1024;

/**
 * The default buckets, scaled to an area of about size x size, with sides rounded to multiples of `quantum`, each once.
 */
export function scaleBuckets(size: number, quantum: number): Bucket[] {
  const round = (side: number) => Math.max(1, Math.round((side * size) / SEED_SIDE / quantum)) * quantum;
  const scaled = SEED_BUCKETS.map(({ width, height }) => ({ width: round(width), height: round(height) }));
  return scaled.filter(
    (bucket, i) => scaled.findIndex(other => other.width === bucket.width && other.height === bucket.height) === i,
  );
}

/**
 * How far a bucket is from the shape of a picture. log_ratio: the same for a picture and for it turned by 90 degrees.
 * difference: of the ratios themselves, as the original project has it, which leans towards the higher bucket.
 */
export const ASSIGNMENTS = ['log_ratio', 'difference'] as const;
export type Assignment = (typeof ASSIGNMENTS)[number];

type Mismatch = (bucket: Bucket, width: number, height: number) => number;

const MISMATCH: Readonly<Record<Assignment, Mismatch>> = {
  // |log a - log b| grows with the larger of a/b and b/a, which needs no logarithm.
  log_ratio: (bucket, width, height) => {
    const ratio = (bucket.width * height) / (bucket.height * width);
    return Math.max(ratio, 1 / ratio);
  },
  difference: (bucket, width, height) => Math.abs(bucket.width / bucket.height - width / height),
};

/** The bucket of the nearest shape; of equally near ones the first. @throws RangeError if there are no buckets. */
export function chooseBucket(
  buckets: readonly Bucket[],
  width: number,
  height: number,
  assignment: Assignment = 'log_ratio',
): Bucket {
  const mismatch = (bucket: Bucket) => MISMATCH[assignment](bucket, width, height);
  const [first, ...others] = buckets;
  if (first === undefined) throw new RangeError('there are no buckets');
  return others.reduce((best, bucket) => (mismatch(bucket) < mismatch(best) ? bucket : best), first);
}

export interface Fit {
  /** Factor of both sides; above 1, the picture is enlarged. */
  readonly scale: number;
  /** Share of the picture's area that the crop cuts off. */
  readonly cut: number;
}

/** How a picture covers a bucket. */
export function fitBucket(bucket: Bucket, width: number, height: number): Fit {
  const scale = Math.max(bucket.width / width, bucket.height / height);
  return { scale, cut: 1 - (bucket.width * bucket.height) / (width * height * scale ** 2) };
}
