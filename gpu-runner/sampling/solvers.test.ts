import { describe, expect, it } from 'vitest';
import { SOLVER_NAMES, type SolverName, samplingSchema } from '../../configs/sampling.ts';
import type { Predict } from './guide.ts';
import { integrate } from './integrate.ts';
import { PREDICTIONS } from './predictions.ts';
import { SOLVERS } from './solvers.ts';
import { TIME_GRIDS } from './time-grids.ts';

const NOISE = Float32Array.of(1.5, -0.7, 0.1, -2);
const MEAN = 0.4;
const SD = 0.6;

/** Standard deviation of z at time t. */
const spread = (t: number) => Math.hypot((1 - t) * SD, t);

/** The ODE of {@link gaussian} from NOISE at time 1, at time t. */
const exact = (t: number) => NOISE.map(noise => (1 - t) * MEAN + spread(t) * noise);

/** The best x-predictor of data whose elements are N(MEAN, SD^2). */
const gaussian: Predict = async (z, t) =>
  z.map(value => MEAN + (((1 - t) * SD ** 2) / spread(t) ** 2) * (value - (1 - t) * MEAN));

/** Solves the ODE along the times, from its exact state. Returns the error at the end and the count of evaluations. */
async function run(solver: SolverName, times: readonly number[]) {
  let evaluations = 0;
  const z = await integrate(exact(times[0]!), {
    times,
    guide: (state, t) => {
      evaluations++;
      return gaussian(state, t);
    },
    prediction: PREDICTIONS.x_prediction,
    solve: SOLVERS[solver](samplingSchema.parse({ solver })),
  });
  const end = exact(times.at(-1)!);
  return { error: Math.max(...z.map((value, k) => Math.abs(value - end[k]!))), evaluations };
}

/** A grid from noise to data, as samples have it. */
const grid = (steps: number, shift = 1) =>
  TIME_GRIDS.shifted(samplingSchema.parse({ steps, shift }), { size: { width: 2, height: 2 } });

/** Times from 0.9 to 0.1, where the variable of the multistep solvers is smooth. */
const inside = (steps: number) => Array.from({ length: steps + 1 }, (_, i) => 0.9 - (0.8 * i) / steps);

/** log2 of the error on some steps over the error on twice as many. */
async function orderOf(solver: SolverName, wide: readonly number[], narrow: readonly number[]): Promise<number> {
  return Math.log2((await run(solver, wide)).error / (await run(solver, narrow)).error);
}

interface Known {
  /** Between times 0.9 and 0.1. UniPC-2 gains an order by its corrector. */
  readonly inside: number;
  /** From time 1 to 0. DPM-Solver++(2M) starts at lambda = -Infinity, which costs it a logarithm. */
  readonly whole: number;
  /** In 10 steps. */
  readonly evaluations: number;
}

const KNOWN: Readonly<Record<SolverName, Known>> = {
  euler: { inside: 1, whole: 1, evaluations: 10 },
  heun: { inside: 2, whole: 2, evaluations: 19 },
  dpmpp_2m: { inside: 2, whole: 1.8, evaluations: 10 },
  unipc: { inside: 3, whole: 2.1, evaluations: 10 },
};

describe.each(SOLVER_NAMES)('the solver %s', solver => {
  const known = KNOWN[solver];

  it(`is of order ${known.inside} between the ends`, async () => {
    const order = await orderOf(solver, inside(32), inside(64));
    expect(Math.abs(order - known.inside)).toBeLessThan(0.25);
  });

  it.each([1, 3])(`is of order ${known.whole} from noise to data, on the grid of shift %d`, async shift => {
    const order = await orderOf(solver, grid(128, shift), grid(256, shift));
    expect(Math.abs(order - known.whole)).toBeLessThan(0.25);
  });

  it(`evaluates the network ${known.evaluations} times in 10 steps`, async () => {
    expect((await run(solver, grid(10))).evaluations).toBe(known.evaluations);
  });
});

describe('solvers against each other', () => {
  it('at 16 evaluations, each second-order solver is nearer to the end of the ODE than Euler', async () => {
    const euler = await run('euler', grid(16));
    for (const [solver, steps] of [
      ['heun', 8],
      ['dpmpp_2m', 16],
      ['unipc', 16],
    ] as const) {
      expect((await run(solver, grid(steps))).error).toBeLessThan(euler.error / 2);
    }
  });

  it('the corrector of UniPC brings it nearer than its predictor, DPM-Solver++(2M)', async () => {
    expect((await run('unipc', inside(24))).error).toBeLessThan((await run('dpmpp_2m', inside(24))).error);
  });
});

describe('multistep solvers agree with an implementation in NumPy', () => {
  // In f64, after the updates of diffusers: multistep_dpm_solver_second_order_update (midpoint) and
  // multistep_uni_p_bh_update, multistep_uni_c_bh_update (bh2), with solver_order 2 and flow sigmas.
  it.each([
    ['dpmpp_2m', [1.3326423, -0.0834476, 0.4314942, -0.920228]],
    ['unipc', [1.3667418, -0.1000366, 0.4333374, -0.9667693]],
  ] as const)('%s', async (solver, expected) => {
    const z = await integrate(NOISE.slice(), {
      times: [0.95, 0.8, 0.6, 0.45, 0.2, 0.05],
      guide: gaussian,
      prediction: PREDICTIONS.x_prediction,
      solve: SOLVERS[solver](samplingSchema.parse({ solver })),
    });
    expect([...z]).toEqual(expected.map(value => expect.closeTo(value, 5)));
  });
});

/** log((1 - t) / t): the variable of the multistep solvers. */
const lambdaOf = (t: number) => Math.log((1 - t) / t);

/** The exact step for x(t) = f(lambda) by a sum of 20,000 parts: z' = (to/from) z + to * integral of e^lambda f. */
function integrateExactly(z: number, from: number, to: number, f: (lambda: number) => number): number {
  const [a, b, n] = [lambdaOf(from), lambdaOf(to), 20_000];
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const lambda = a + ((i + 0.5) * (b - a)) / n;
    sum += (Math.exp(lambda) * f(lambda) * (b - a)) / n;
  }
  return (to / from) * z + to * sum;
}

/** Times of which none is 1. */
const TIMES = [0.9, 0.75, 0.5, 0.2];

/** z after the steps between TIMES, in which the predicted clean picture is f(lambda), whatever z is. */
async function solveAlong(solver: SolverName, f: (lambda: number) => number): Promise<number[]> {
  const z = Float32Array.of(0.3);
  const solve = SOLVERS[solver](samplingSchema.parse({ solver }));
  const clean = async (_: Float32Array, t: number) => Float64Array.of(f(lambdaOf(t)));
  const field = { clean, velocity: () => Promise.reject(new Error('not used')) };
  const path: number[] = [];
  for (let i = 0; i + 1 < TIMES.length; i++) {
    await solve({ z, from: TIMES[i]!, to: TIMES[i + 1]!, field });
    path.push(z[0]!);
  }
  return path;
}

describe('multistep solvers are exact where their polynomial is', () => {
  it('in the first step for a constant picture', async () => {
    for (const solver of ['dpmpp_2m', 'unipc'] as const) {
      const [first] = await solveAlong(solver, () => 0.7);
      expect(first).toBeCloseTo(
        integrateExactly(0.3, 0.9, 0.75, () => 0.7),
        6,
      );
    }
  });

  it('UniPC corrects its second step by a quadratic in lambda', async () => {
    const f = (lambda: number) => 0.2 + 0.5 * lambda - 0.3 * lambda ** 2;
    const [x0 = 0, x1 = 0, x2 = 0] = TIMES.map(t => f(lambdaOf(t)));
    const [first, , third] = await solveAlong('unipc', f);
    expect(first).toBeCloseTo((0.75 / 0.9) * 0.3 + (1 - 0.75 / 0.9) * x0, 6);
    // The first step is corrected by the mean; the third is predicted from the corrected end of the second.
    const start = (0.75 / 0.9) * 0.3 + (1 - 0.75 / 0.9) * ((x0 + x1) / 2);
    const corrected = integrateExactly(start, 0.75, 0.5, f);
    const ratio = (lambdaOf(0.5) - lambdaOf(0.75)) / (lambdaOf(0.2) - lambdaOf(0.5));
    expect(third).toBeCloseTo(0.4 * corrected + 0.6 * (x2 + (x2 - x1) / ratio / 2), 5);
  });
});
