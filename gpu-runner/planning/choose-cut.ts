/**
 * @file Chooses how an update is cut to fit a device. Memory is nearly affine in the micro-batch, so a line through few
 * measurements finds the largest one. Gradient checkpointing costs a third of the time: it is taken only where nothing
 * fits without it.
 */
import type { GradientCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { Cut } from './programs.ts';

export interface Tried extends Cut {
  /** Peak of the training. */
  readonly bytes: number;
}

export interface CutQuestion {
  /** Bytes that the training may take. */
  readonly budget: number;
  /** Bytes that no cut makes smaller. */
  readonly fixed: number;
  /** Micro-batches to choose from. */
  readonly sizes: readonly number[];
  /** Parts of the answer that are given. */
  readonly asked: Partial<Cut>;
  /** Guesses the peak; cheap. */
  guess(cut: Cut): number;
  /** The peak; may take a minute. */
  measure(cut: Cut): Promise<number>;
  /** Most measurements. */
  readonly limit: number;
}

export interface CutAnswer {
  /** The cut to train with; if nothing fits, the smallest one that was tried. */
  readonly chosen: Tried;
  readonly fits: boolean;
  readonly tried: readonly Tried[];
}

/** A guess may be so much above the truth. */
const GUESS_ERROR = 1.5;
/** A line through one measurement may be so much above the truth. */
const LINE_ERROR = 1.1;

export async function chooseCut(question: CutQuestion): Promise<CutAnswer> {
  const { asked, budget, limit } = question;
  const tried: Tried[] = [];
  const modes: GradientCheckpointing[] =
    asked.gradient_checkpointing === undefined ? [false, true] : [asked.gradient_checkpointing];
  const smallest = Math.min(...sizesOf(question));
  const least = (mode: GradientCheckpointing) =>
    question.guess({ micro_batch: smallest, gradient_checkpointing: mode });
  const worthTrying = modes.filter((mode, index) => index === modes.length - 1 || least(mode) <= budget * GUESS_ERROR);
  for (const mode of worthTrying) {
    const inMode = () => tried.filter(({ gradient_checkpointing }) => gradient_checkpointing === mode);
    while (tried.length < limit) {
      const next = nextSize(question, mode, inMode());
      if (next === undefined) break;
      const cut = { micro_batch: next, gradient_checkpointing: mode };
      tried.push({ ...cut, bytes: await question.measure(cut) });
    }
    if (inMode().some(({ bytes }) => bytes <= budget)) break;
  }
  const fitting = tried.filter(({ bytes }) => bytes <= budget);
  const best = fitting.toSorted((a, b) => b.micro_batch - a.micro_batch)[0];
  const chosen = best ?? tried.toSorted((a, b) => a.bytes - b.bytes)[0];
  if (chosen === undefined) throw new TypeError('there was no cut to try');
  return { chosen, fits: best !== undefined, tried };
}

function sizesOf({ asked, sizes }: CutQuestion): readonly number[] {
  return asked.micro_batch === undefined ? sizes : [asked.micro_batch];
}

/** The next micro-batch to measure; undefined when no measurement could change the answer. */
function nextSize(question: CutQuestion, mode: GradientCheckpointing, tried: readonly Tried[]): number | undefined {
  const { budget } = question;
  const sizes = sizesOf(question);
  const smallest = Math.min(...sizes);
  const largestFit = Math.max(0, ...tried.filter(({ bytes }) => bytes <= budget).map(each => each.micro_batch));
  const smallestMiss = Math.min(...tried.filter(({ bytes }) => bytes > budget).map(each => each.micro_batch));
  const open = sizes.filter(size => size > largestFit && size < smallestMiss);
  const line = fitLine(question, mode, sizes, tried);
  // A line through one measurement leaves out what no sample needs, so it is too steep.
  const slack = tried.length === 1 ? LINE_ERROR : 1;
  const expected = Math.max(...open.filter(size => line(size) <= budget * slack));
  if (expected > 0) return expected;
  // Nothing is expected to fit: the smallest is measured, to know by how much it misses.
  return largestFit === 0 && open.includes(smallest) ? smallest : undefined;
}

/** Bytes by micro-batch: through the last two measurements, or one and the fixed bytes, or two guesses. */
function fitLine(
  { fixed, guess }: CutQuestion,
  mode: GradientCheckpointing,
  sizes: readonly number[],
  tried: readonly Tried[],
): (size: number) => number {
  const [last, before] = tried.toReversed();
  if (last === undefined) {
    const [first = 1, second] = sizes.toSorted((a, b) => a - b);
    const at = (size: number) => guess({ micro_batch: size, gradient_checkpointing: mode });
    const slope = second === undefined ? 0 : (at(second) - at(first)) / (second - first);
    return size => at(first) + slope * (size - first);
  }
  const slope = before
    ? (last.bytes - before.bytes) / (last.micro_batch - before.micro_batch)
    : (last.bytes - fixed) / last.micro_batch;
  return size => last.bytes + slope * (size - last.micro_batch);
}
