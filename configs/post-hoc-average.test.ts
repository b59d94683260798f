import { describe, expect, it, test } from 'vitest';
import { averageRateAt } from './averages.ts';
import { combineTraces, gammaOfSigma, sigmaOfGamma, type Trace } from './post-hoc-average.ts';

/** EDM2 stores the traces of sigma .05 and .1. */
const GAMMAS = [16.97, 6.94];
const STEPS = 400;

/** A random walk that drifts, as weights do. */
function walk(steps: number): number[] {
  let [state, x] = [12345, 0];
  return Array.from({ length: steps }, (_, i) => {
    state = (1103515245 * state + 12345) % 2 ** 31;
    x += state / 2 ** 31 - 0.5 + 2 / (1 + i / 20);
    return x;
  });
}

/** The average of the weights up to a step, taken directly: weights (s/T)^(g+1) - ((s-1)/T)^(g+1). */
function direct(weights: readonly number[], step: number, gamma: number): number {
  return weights
    .slice(0, step)
    .reduce((sum, w, i) => sum + w * (((i + 1) / step) ** (gamma + 1) - (i / step) ** (gamma + 1)), 0);
}

/** The traces as a training keeps them, update by update. */
function traced(weights: readonly number[], step: number, gamma: number): number {
  return weights.slice(0, step).reduce((average, w, i) => average + averageRateAt(i + 1, { gamma }) * (w - average), 0);
}

test('a trace is the average that its gamma says', () => {
  const weights = walk(STEPS);
  for (const gamma of GAMMAS) expect(traced(weights, STEPS, gamma)).toBeCloseTo(direct(weights, STEPS, gamma), 9);
});

test('gamma and relative width belong together, as EDM2 has them', () => {
  expect(sigmaOfGamma(6.94)).toBeCloseTo(0.1, 4);
  expect(sigmaOfGamma(16.97)).toBeCloseTo(0.05, 4);
  for (const sigma of [0.01, 0.05, 0.1, 0.2, 0.28]) expect(sigmaOfGamma(gammaOfSigma(sigma))).toBeCloseTo(sigma, 9);
});

describe('an average made afterwards', () => {
  const weights = walk(STEPS);
  const spread = Math.max(...weights) - Math.min(...weights);

  it.each([
    [0.03, 16, 0.01],
    [0.05, 8, 1e-6],
    [0.075, 8, 0.002],
    [0.1, 8, 1e-6],
    [0.15, 8, 0.002],
    [0.2, 16, 0.003],
  ])('of relative length %d from %i snapshots is the direct one to %d of the spread', (sigma, count, tolerance) => {
    const traces = Array.from({ length: count }, (_, i) => Math.round(((i + 1) * STEPS) / count)).flatMap(step =>
      GAMMAS.map((gamma): Trace => ({ step, gamma })),
    );
    const { factors, error } = combineTraces(traces, STEPS, sigma);
    const made = factors.reduce((sum, factor, i) => {
      const trace = traces[i] ?? { step: 0, gamma: 0 };
      return sum + factor * traced(weights, trace.step, trace.gamma);
    }, 0);
    const wanted = direct(weights, STEPS, gammaOfSigma(sigma));
    expect(Math.abs(made - wanted) / spread).toBeLessThan(tolerance);
    expect(factors.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(error).toBeLessThan(0.2);
  });

  it('ends at a step before the last snapshot without what came later', () => {
    const traces = [100, 200, 300, 400].flatMap(step => GAMMAS.map(gamma => ({ step, gamma })));
    const { factors } = combineTraces(traces, 200, 0.08);
    expect(factors.slice(4)).toEqual([0, 0, 0, 0]);
    expect(combineTraces(traces, 200, sigmaOfGamma(6.94)).factors[3]).toBeCloseTo(1, 4);
  });

  it('says how far a single trace is from another length', () => {
    expect(combineTraces([{ step: 100, gamma: 6.94 }], 100, 0.2)).toMatchObject({ factors: [expect.closeTo(1, 9)] });
    expect(combineTraces([{ step: 100, gamma: 6.94 }], 100, 0.2).error).toBeGreaterThan(0.3);
  });

  it.each([0, -1, 0.3, Number.NaN])('of relative length %d is refused', sigma => {
    expect(() => combineTraces([{ step: 100, gamma: 7 }], 100, sigma)).toThrow('relative length');
  });

  it('without a trace up to the step is refused', () => {
    expect(() => combineTraces([{ step: 100, gamma: 7 }], 50, 0.1)).toThrow('no power trace');
  });
});
