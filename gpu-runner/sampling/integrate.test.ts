import { describe, expect, it } from 'vitest';
import { type PredictionType, type Sampling, samplingSchema } from '../../configs/sampling.ts';
import { createGuide } from './guidance.ts';
import type { Predict } from './guide.ts';
import { integrate } from './integrate.ts';
import { PREDICTIONS } from './predictions.ts';
import { SOLVERS } from './solvers.ts';
import { TIME_GRIDS } from './time-grids.ts';

const CLEAN = Float32Array.of(-1, -0.3, 0.2, 0.9);
const NOISE = Float32Array.of(1.5, -0.7, 0.1, -2);
const never: Predict = () => Promise.reject(new Error('the unconditional network must not run'));

interface Run {
  readonly settings?: Partial<Sampling>;
  readonly predicts?: PredictionType;
  readonly conditional: Predict;
  readonly unconditional?: Predict;
  readonly onStep?: (done: number) => Promise<void>;
}

/** Samples NOISE by the parts that the settings name. */
function run({ settings = {}, predicts = 'x_prediction', conditional, unconditional = never, onStep }: Run) {
  const sampling = samplingSchema.parse({ guidance: 1, ...settings });
  const prediction = PREDICTIONS[predicts];
  const input = { sampling, conditional, unconditional, terms: {}, prediction, pictureLength: NOISE.length };
  const parts = {
    times: TIME_GRIDS[sampling.time_grid](sampling, { size: { width: 2, height: 2 } }),
    guide: createGuide(input),
    prediction,
    solve: SOLVERS[sampling.solver](sampling),
  };
  return integrate(NOISE.slice(), parts, onStep);
}

/** A smooth network of f32 arithmetic that no solver integrates exactly. */
const network =
  (shift: number): Predict =>
  async (z, t) =>
    z.map((value, k) => Math.fround(Math.sin(value * 1.7 + shift * k) * (1 - 0.6 * t) + shift));

/** Euler, the uniform grid, classifier-free guidance and both conversions as one loop, which the parts replaced. */
async function integrateAsOneLoop(steps: number, guidance: number, predicts: PredictionType): Promise<Float32Array> {
  const z = NOISE.slice();
  for (let i = 0; i < steps; i++) {
    const t = (steps - i) / steps;
    const dt = (steps - i - 1) / steps - t;
    const prediction = await network(0.3)(z, t);
    if (guidance !== 1) {
      const base = await network(-0.2)(z, t);
      for (let k = 0; k < z.length; k++) prediction[k] = base[k]! + guidance * (prediction[k]! - base[k]!);
    }
    for (let k = 0; k < z.length; k++) {
      if (predicts === 'v_prediction') z[k] = z[k]! + prediction[k]! * dt;
      else if (i === steps - 1) z[k] = prediction[k]!;
      else z[k] = z[k]! + ((z[k]! - prediction[k]!) / t) * dt;
    }
  }
  return z;
}

describe('the parts of the sampler together', () => {
  it.each(
    (['x_prediction', 'v_prediction'] as const).flatMap(predicts =>
      [1, 1.5, 3].flatMap(guidance => [1, 2, 7, 25].map(steps => ({ predicts, guidance, steps }))),
    ),
  )(
    'integrate gives the bits of one loop: $predicts, guidance $guidance, $steps steps',
    async ({ predicts, guidance, steps }) => {
      const z = await run({
        settings: { steps, guidance },
        predicts,
        conditional: network(0.3),
        unconditional: network(-0.2),
      });
      expect([...z]).toEqual([...(await integrateAsOneLoop(steps, guidance, predicts))]);
    },
  );

  it.each([1, 2, 25])('integrate finds the picture of an exact x-predictor in %d steps, to the bit', async steps => {
    const z = await run({ settings: { steps }, conditional: async () => CLEAN.slice() });
    expect([...z]).toEqual([...CLEAN]);
  });

  it('integrate finds the picture of an exact v-predictor', async () => {
    const velocity = NOISE.map((e, i) => e - (CLEAN[i] ?? 0));
    const z = await run({
      settings: { steps: 7 },
      predicts: 'v_prediction',
      conditional: async () => velocity.slice(),
    });
    expect([...z]).toEqual([...CLEAN].map(x => expect.closeTo(x, 5)));
  });

  it('guidance moves away from the unconditional prediction by its scale', async () => {
    const z = await run({
      settings: { steps: 3, guidance: 3 },
      conditional: async () => CLEAN.slice(),
      unconditional: async () => CLEAN.map(x => x / 2),
    });
    expect([...z]).toEqual([...CLEAN].map(x => expect.closeTo(x / 2 + 3 * (x / 2), 5)));
  });

  it('Euler on the uniform grid visits the times 1, 1 - 1/n, ..., 1/n', async () => {
    const times: number[] = [];
    const conditional: Predict = async (z, t) => {
      times.push(t);
      return z.slice();
    };
    await run({ settings: { steps: 4 }, conditional });
    expect(times).toEqual([1, 0.75, 0.5, 0.25]);
  });

  it('integrate tells each step, and stops where that throws', async () => {
    const told: number[] = [];
    const onStep = async (done: number) => {
      told.push(done);
      if (done === 2) throw new Error('enough');
    };
    const sampling = run({ settings: { steps: 4 }, conditional: async z => z.slice(), onStep });
    await expect(sampling).rejects.toThrow('enough');
    expect(told).toEqual([1, 2]);
  });
});

describe.each(Object.entries(TIME_GRIDS))('the time grid %s', (_, grid) => {
  it.each([1, 2, 25])('falls from 1 to 0 in %d steps', steps => {
    const times = grid(samplingSchema.parse({ steps }), { size: { width: 64, height: 96 } });
    expect(times).toHaveLength(steps + 1);
    expect([times[0], times.at(-1)]).toEqual([1, 0]);
    for (let i = 0; i < steps; i++) expect(times[i + 1]).toBeLessThan(times[i] ?? 0);
  });
});
