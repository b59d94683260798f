/** @file Tests by examples that further solvers and guidance methods fit the tables. */
import { describe, expect, it } from 'vitest';
import { samplingSchema } from '../../configs/sampling.ts';
import type { GuidanceRule, Predict } from './guide.ts';
import { integrate } from './integrate.ts';
import { PREDICTIONS } from './predictions.ts';
import type { SolverRule } from './solver.ts';
import { SOLVERS } from './solvers.ts';

const NOISE = Float32Array.of(1.5, -0.7, 0.1, -2);
const MEAN = 0.4;
const SD = 0.3;

/** The best x-predictor of data whose elements are N(MEAN, SD^2); its ODE ends at MEAN + SD * noise. */
const gaussian: Predict = async (z, t) => {
  const variance = ((1 - t) * SD) ** 2 + t ** 2;
  return z.map(value => MEAN + (((1 - t) * SD ** 2) / variance) * (value - (1 - t) * MEAN));
};

/** Largest distance from the end of the ODE after `steps` steps. */
async function errorAfter(steps: number, solver: SolverRule): Promise<number> {
  const z = await integrate(NOISE.slice(), {
    times: Array.from({ length: steps + 1 }, (_, i) => (steps - i) / steps),
    guide: gaussian,
    prediction: PREDICTIONS.x_prediction,
    solve: solver(samplingSchema.parse({ steps })),
  });
  return z.reduce((most, value, k) => Math.max(most, Math.abs(value - (MEAN + SD * (NOISE[k] ?? 0)))), 0);
}

/** The order of the solver: log2 of the error after 32 steps over the error after 64 steps. */
async function orderOf(solver: SolverRule): Promise<number> {
  return Math.log2((await errorAfter(32, solver)) / (await errorAfter(64, solver)));
}

/** The two-step Adams-Bashforth method: one evaluation per step, and the velocity of the last step. */
const adamsBashforth: SolverRule = () => {
  let last: { readonly velocity: Float64Array; readonly dt: number } | undefined;
  return async ({ z, from, to, field }) => {
    const velocity = await field.velocity(z, from);
    const dt = to - from;
    const share = last === undefined ? 0 : dt / (2 * last.dt);
    for (let k = 0; k < z.length; k++) {
      const change = velocity[k]! - (last?.velocity[k] ?? velocity[k]!);
      z[k] = z[k]! + (velocity[k]! + share * change) * dt;
    }
    last = { velocity, dt };
  };
};

/** The midpoint method: two evaluations per step. */
const midpoint: SolverRule =
  () =>
  async ({ z, from, to, field }) => {
    const first = await field.velocity(z, from);
    const middle = z.map((value, k) => value + (first[k]! * (to - from)) / 2);
    const second = await field.velocity(middle, (from + to) / 2);
    for (let k = 0; k < z.length; k++) z[k] = z[k]! + second[k]! * (to - from);
  };

describe('orders of further solvers', () => {
  it('a solver of two evaluations per step is of second order: midpoint', async () => {
    expect(await orderOf(midpoint)).toBeGreaterThan(1.9);
  });

  it('a solver that remembers its last step is of second order: Adams-Bashforth', async () => {
    expect(await orderOf(adamsBashforth)).toBeGreaterThan(1.9);
  });
});

/** Two pictures of two numbers. */
const CONDITIONAL = Float32Array.of(3, 4, 0, 2);
const UNCONDITIONAL = Float32Array.of(1, 1, 1, 0);
const SCALE = 3;

/** Samples NOISE in four Euler steps of an x-predictor. */
async function guideBy(rule: GuidanceRule): Promise<Float32Array> {
  const prediction = PREDICTIONS.x_prediction;
  const sampling = samplingSchema.parse({ steps: 4, guidance: SCALE });
  const guide = rule({
    sampling,
    conditional: async () => CONDITIONAL.slice(),
    unconditional: async () => UNCONDITIONAL.slice(),
    terms: {},
    prediction,
    pictureLength: 2,
  });
  return integrate(NOISE.slice(), {
    times: [1, 0.75, 0.5, 0.25, 0],
    guide,
    prediction,
    solve: SOLVERS.euler(sampling),
  });
}

describe('further guidance', () => {
  it('guidance can add the noise of the unconditional network, as CFG++ does (arXiv 2406.08070)', async () => {
    const share = 0.6;
    // Its Euler step is one with a scale that depends on where the step ends.
    const z = await guideBy(({ conditional, unconditional }) => async (z, t, { from, to }) => {
      const scale = (share * (1 - to) * from) / (from - to);
      const [prediction, base] = [await conditional(z, t), await unconditional(z, t)];
      return prediction.map((value, k) => base[k]! + scale * (value - base[k]!));
    });
    let expected = NOISE;
    for (const [t, to] of [
      [1, 0.75],
      [0.75, 0.5],
      [0.5, 0.25],
      [0.25, 0],
    ] as const) {
      expected = expected.map((value, k) => {
        const base = UNCONDITIONAL[k]!;
        const noise = (value - (1 - t) * base) / t;
        return (1 - to) * (base + share * (CONDITIONAL[k]! - base)) + to * noise;
      });
    }
    expect([...z]).toEqual([...expected].map(value => expect.closeTo(value, 5)));
  });
});
