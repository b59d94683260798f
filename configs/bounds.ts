/**
 * @file Bounds of the numbers that come with a request: sizes, counts, times, and numbers of a training. Each lies far
 * beyond what is of use, and keeps products, dates and shapes of such numbers exact.
 */

/** Pixels of a side. */
export const LONGEST_SIDE = 8192;
/** Width of a layer, or of a vector of a signal. */
export const WIDEST = 65_536;
/** Blocks of a network. Deeper networks would take hours to trace and to compile. */
export const DEEPEST = 512;
/** Tokens of a text. */
export const MOST_TEXT_TOKENS = 2 ** 27;
/** Samples per update. */
export const LARGEST_BATCH = 2 ** 20;
/** Training samples, and updates: half a million years at 64 samples a second. */
export const MOST_SAMPLES = 1e15;
/** Updates between two checkpoints. */
export const LONGEST_CHUNK = 1e9;
/** Checkpoints that a run keeps. */
export const MOST_KEPT = 10_000;
/** Checkpoints that are spread over a run. */
export const MOST_SPACED = 64;
/** Checkpoints of whose traces one average is made. */
export const MOST_TRACES = 128;
/** Ordinal of a picture. */
export const MOST_PICTURES = 1e12;
/** A seed that is a plain number: it chooses pictures, or repeats a run. */
export const LARGEST_PLAIN_SEED = 2 ** 31;
/** Bytes of a device: one pebibyte. */
export const MOST_MEMORY = 2 ** 50;
/** A hundred years. */
export const LONGEST_SECONDS = 100 * 365.25 * 24 * 3600;
/** Devices compute in f32, where twice this number is infinite. */
export const LARGEST_FLOAT = 2 ** 127;
