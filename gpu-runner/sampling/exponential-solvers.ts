/**
 * @file Multistep solvers that integrate the linear part of the ODE exactly and the predicted clean picture x(t) by a
 * polynomial in lambda = log((1 - t) / t). With z = (1 - t) x + t noise, a step that holds x constant is
 * z' = r z + (1 - r) x with r = to / from, as Euler's. At time 1 lambda is -Infinity: there x counts as constant.
 */
import type { SolverRule } from './solver.ts';

const lambdaOf = (t: number): number => Math.log((1 - t) / t);

/** A step that was taken: where it began, and the clean pictures predicted there and one step earlier. */
interface Taken {
  readonly z: Float32Array;
  readonly from: number;
  readonly to: number;
  readonly clean: Float64Array;
  /** (x - x of the step before) h / (h of the step before), h = the change of lambda. Zeros in the first step. */
  readonly slope: Float64Array;
  /** h of the step before over h; Infinity if that step began at time 1. Undefined in the first step. */
  readonly ratio: number | undefined;
}

/** Prepares the step at z: `clean` is the prediction there. */
function takeStep(z: Float32Array, from: number, to: number, clean: Float64Array, last: Taken | undefined): Taken {
  const slope = new Float64Array(z.length);
  if (last === undefined) return { z: z.slice(), from, to, clean, slope, ratio: undefined };
  const ratio = (lambdaOf(last.to) - lambdaOf(last.from)) / (lambdaOf(to) - lambdaOf(from));
  for (let k = 0; k < z.length; k++) slope[k] = (clean[k]! - last.clean[k]!) / ratio;
  return { z: z.slice(), from, to, clean, slope, ratio };
}

/** Writes the end of the step into z: x is its prediction at the beginning plus half the slope. */
function predictEnd(z: Float32Array, { from, to, clean, slope }: Taken): void {
  const r = to / from;
  for (let k = 0; k < z.length; k++) z[k] = r * z[k]! + (1 - r) * (clean[k]! + slope[k]! / 2);
}

/**
 * UniC-2 with B(h) = e^h - 1 (arXiv 2302.04867, algorithm 1): writes into z the end of the step, given also the
 * prediction at its end. In the first step UniC-1, which takes the mean of both predictions.
 */
function correctEnd(z: Float32Array, step: Taken, end: Float64Array): void {
  const { from, to, clean, slope, ratio } = step;
  const r = to / from;
  const [past, next] = ratio === undefined ? [0, 0.5] : corrections(lambdaOf(to) - lambdaOf(from), ratio);
  for (let k = 0; k < z.length; k++) {
    const x = clean[k]! + past * slope[k]! + next * (end[k]! - clean[k]!);
    z[k] = r * step.z[k]! + (1 - r) * x;
  }
}

/** Weights of the slope and of the change to the end, by which UniC-2 is exact for x that is quadratic in lambda. */
function corrections(h: number, ratio: number): [number, number] {
  const e = Math.expm1(-h);
  const linear = e / -h - 1;
  const square = linear / -h - 0.5;
  // They solve past + next = linear / e and -ratio past + next = 2 square / e.
  const past = (linear - 2 * square) / e / (ratio + 1);
  return [past, linear / e - past];
}

/** DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): second order with one evaluation per step. */
export const createDpmpp2m: SolverRule = () => {
  let last: Taken | undefined;
  return async ({ z, from, to, field }) => {
    last = takeStep(z, from, to, await field.clean(z, from), last);
    predictEnd(z, last);
  };
};

/**
 * UniPC-2 (arXiv 2302.04867): its predictor with B(h) = e^h - 1 is DPM-Solver++(2M). The evaluation at the end of a
 * step also corrects that step, so each step costs one evaluation. The last step needs no correction: it ends at the
 * predicted clean picture.
 */
export const createUniPc: SolverRule = () => {
  let last: Taken | undefined;
  return async ({ z, from, to, field }) => {
    const clean = await field.clean(z, from);
    if (last !== undefined) correctEnd(z, last, clean);
    last = takeStep(z, from, to, clean, last);
    predictEnd(z, last);
  };
};
