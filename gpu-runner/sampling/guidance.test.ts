import { describe, expect, it } from 'vitest';
import {
  GUIDANCE_NAMES,
  type GuidanceName,
  PREDICTION_TYPES,
  type PredictionType,
  type Sampling,
  SOLVER_NAMES,
  samplingSchema,
  TIME_GRID_NAMES,
} from '../../configs/sampling.ts';
import { countIdleSteps, createGuide } from './guidance.ts';
import type { Predict, TermName } from './guide.ts';
import { integrate } from './integrate.ts';
import { PREDICTIONS } from './predictions.ts';
import { SOLVERS } from './solvers.ts';
import { TIME_GRIDS } from './time-grids.ts';

/** Two pictures of three numbers. */
const LENGTH = 3;
const Z = Float32Array.of(1.5, -0.7, 0.1, -2, 0.4, 1);
const STEP = { from: 0.8, to: 0.7 };
const T = 0.8;

/** Clean pictures that the networks predict. */
const CLEANS = {
  conditional: [0.9, -0.4, 0.3, -1, 0.2, 0.6],
  unconditional: [0.5, 0.1, 0.2, -0.3, -0.1, 0.7],
  text: [0.8, -0.2, 0.1, -0.9, 0.1, 0.5],
  reference: [0.6, 0, 0.4, -0.5, 0.3, 0.9],
  pose: [0.4, 0.2, 0.3, -0.2, -0.3, 0.8],
  routed: [0.7, -0.1, 0.5, -0.8, 0.4, 0.3],
} as const;
type Network = keyof typeof CLEANS;

const velocityOf = (clean: number, k: number) => (Z[k]! - clean) / T;

interface Setup {
  readonly predicts?: PredictionType;
  readonly terms?: readonly TermName[];
  /** By default predicts its row of CLEANS. */
  readonly clean?: (network: Network, k: number) => number;
}

/** A guide over constant networks, and the networks that it has run. */
function guideBy(settings: Partial<Sampling>, setup: Setup = {}) {
  const { predicts = 'x_prediction', terms = ['text'], clean = (network, k) => CLEANS[network][k]! } = setup;
  const runs: Network[] = [];
  const network =
    (name: Network): Predict =>
    async (z, t) => {
      runs.push(name);
      return z.map((value, k) => (predicts === 'x_prediction' ? clean(name, k) : (value - clean(name, k)) / t));
    };
  const guide = createGuide({
    sampling: samplingSchema.parse(settings),
    conditional: network('conditional'),
    unconditional: network('unconditional'),
    routed: network('routed'),
    terms: Object.fromEntries(terms.map(name => [name, network(name)])),
    prediction: PREDICTIONS[predicts],
    pictureLength: LENGTH,
  });
  return { guide, runs };
}

/** The clean pictures that the guide leads to at Z. */
async function guidedClean(settings: Partial<Sampling>, setup: Setup = {}): Promise<number[]> {
  const prediction = await guideBy(settings, setup).guide(Z, T, STEP);
  return [...PREDICTIONS[setup.predicts ?? 'x_prediction'].clean(Z, prediction, T)];
}

const near = (values: readonly number[]) => values.map(value => expect.closeTo(value, 5));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Applies `rule` to the rows of each picture. */
function eachPicture(
  rule: (conditional: number[], unconditional: number[], picture: number) => readonly number[],
  convert: (clean: number, k: number) => number = clean => clean,
): number[] {
  return [0, 1].flatMap(picture => {
    const cut = (network: Network) =>
      CLEANS[network].map((clean, k) => convert(clean, k)).slice(picture * LENGTH, (picture + 1) * LENGTH);
    return rule(cut('conditional'), cut('unconditional'), picture);
  });
}

const SETTINGS_OFF: Readonly<Record<GuidanceName, Partial<Sampling>>> = {
  cfg: { guidance: 1 },
  dual_cfg: { guidance_text: 1, guidance_reference: 1, guidance_pose: 1 },
  self_guidance: { guidance_self: 1 },
  cfg_zero_star: { guidance: 1, zero_steps: 3 },
  apg: { guidance: 1, apg_momentum: 0.5, apg_norm: 0.1 },
};

describe.each(PREDICTION_TYPES)('guidance of a network for %s', predicts => {
  it.each(GUIDANCE_NAMES)('%s with scale 1 is the plain prediction, from one pass', async method => {
    const settings = { guidance_method: method, ...SETTINGS_OFF[method] };
    const { guide, runs } = guideBy(settings, { predicts, terms: ['text', 'reference', 'pose'] });
    const plain = Z.map((_, k) => {
      const clean = CLEANS.conditional[k]!;
      return predicts === 'x_prediction' ? clean : velocityOf(clean, k);
    });
    expect([...(await guide(Z, T, STEP))]).toEqual([...plain].map(value => expect.closeTo(value, 6)));
    expect(runs).toEqual(['conditional']);
    expect(countIdleSteps(samplingSchema.parse(settings))).toBe(0);
  });

  it('cfg moves away from the unconditional prediction', async () => {
    const expected = eachPicture((c, u) => c.map((x, i) => u[i]! + 3 * (x - u[i]!)));
    expect(await guidedClean({ guidance: 3 }, { predicts })).toEqual(near(expected));
  });

  it('dual_cfg adds a term for each condition that the request has', async () => {
    const { unconditional: u, text, reference, pose } = CLEANS;
    const both = u.map((x, k) => x + 3 * (text[k]! - x) + 2.5 * (reference[k]! - x));
    const setup = { predicts, terms: ['text', 'reference'] } as const;
    expect(await guidedClean({ guidance_method: 'dual_cfg' }, setup)).toEqual(near(both));
    const all = u.map((x, k) => x + 4 * (text[k]! - x) + 0.5 * (reference[k]! - x) + 2 * (pose[k]! - x));
    const scales = { guidance_text: 4, guidance_reference: 0.5, guidance_pose: 2 };
    const three = { predicts, terms: ['text', 'reference', 'pose'] } as const;
    expect(await guidedClean({ guidance_method: 'dual_cfg', ...scales }, three)).toEqual(near(all));
  });

  it('self_guidance moves away from the prediction of the routed network', async () => {
    const by = (scale: number) => CLEANS.routed.map((x, k) => x + scale * (CLEANS.conditional[k]! - x));
    expect(await guidedClean({ guidance_method: 'self_guidance' }, { predicts })).toEqual(near(by(3)));
    const settings = { guidance_method: 'self_guidance', guidance_self: 0.5 } as const;
    expect(await guidedClean(settings, { predicts })).toEqual(near(by(0.5)));
    const { guide, runs } = guideBy(settings, { predicts });
    await guide(Z, T, STEP);
    expect(runs).toEqual(['conditional', 'routed']);
  });

  it('cfg_zero_star rescales the unconditional velocity of each picture by the nearest multiple', async () => {
    const velocities = eachPicture((c, u) => {
      const share = dot(c, u) / dot(u, u);
      return c.map((v, i) => share * u[i]! + 3 * (v - share * u[i]!));
    }, velocityOf);
    const expected = velocities.map((v, k) => Z[k]! - v * T);
    expect(await guidedClean({ guidance_method: 'cfg_zero_star', guidance: 3 }, { predicts })).toEqual(near(expected));
  });

  it('apg leaves out the change along the prediction of each picture, and limits its size', async () => {
    const settings = { guidance_method: 'apg', guidance: 4, apg_parallel: 0.25, apg_norm: 0.3 } as const;
    const expected = eachPicture((c, u) => {
      const raw = c.map((x, i) => x - u[i]!);
      const limit = Math.min(1, 0.3 / Math.sqrt(dot(raw, raw) / LENGTH));
      const change = raw.map(d => d * limit);
      const share = dot(change, c) / dot(c, c);
      return c.map((x, i) => x + 3 * (change[i]! - share * x + 0.25 * share * x));
    });
    expect(await guidedClean(settings, { predicts })).toEqual(near(expected));
  });
});

describe('guidance over several evaluations', () => {
  it('apg adds a share of the change of the last evaluation, before its limit', async () => {
    const settings = { guidance_method: 'apg', guidance: 2, apg_parallel: 1, apg_momentum: -0.75 } as const;
    const { guide } = guideBy(settings);
    const changes: number[][] = [];
    for (let i = 0; i < 3; i++) {
      changes.push([...(await guide(Z, T, STEP))].map((x, k) => x - CLEANS.conditional[k]!));
    }
    const d = CLEANS.conditional.map((x, k) => x - CLEANS.unconditional[k]!);
    expect(changes).toEqual([1, 0.25, 1 - 0.75 * 0.25].map(factor => near(d.map(value => value * factor))));
  });

  it.each(GUIDANCE_NAMES)('%s outside its interval is one pass of the conditional network', async method => {
    const settings = { guidance_method: method, guidance_interval: [0.25, 0.75] as [number, number] };
    const { guide, runs } = guideBy(settings);
    for (const t of [0.76, 0.24]) {
      expect([...(await guide(Z, t, STEP))]).toEqual(near(CLEANS.conditional));
    }
    expect(runs).toEqual(['conditional', 'conditional']);
    for (const t of [0.75, 0.25]) {
      await guide(Z, t, STEP);
      expect(runs.splice(0)).toContain(method === 'self_guidance' ? 'routed' : 'unconditional');
    }
  });

  it('a network runs only if its term has a weight', async () => {
    const count = async (settings: Partial<Sampling>, terms: readonly TermName[] = ['text']) => {
      const { guide, runs } = guideBy(settings, { terms });
      await guide(Z, T, STEP);
      return runs.length;
    };
    const all = ['text', 'reference', 'pose'] as const;
    expect(await count({ guidance_method: 'cfg' })).toBe(2);
    expect(await count({ guidance_method: 'cfg_zero_star' })).toBe(2);
    expect(await count({ guidance_method: 'apg' })).toBe(2);
    expect(await count({ guidance_method: 'dual_cfg' })).toBe(2);
    expect(await count({ guidance_method: 'dual_cfg' }, ['text', 'reference'])).toBe(3);
    expect(await count({ guidance_method: 'dual_cfg' }, all)).toBe(4);
    expect(await count({ guidance_method: 'dual_cfg', guidance_pose: 0 }, all)).toBe(3);
  });

  it('cfg_zero_star leaves z as it is in its first steps, and runs no network in them', async () => {
    const { guide, runs } = guideBy({ guidance_method: 'cfg_zero_star' });
    const states: number[][] = [];
    const z = Z.slice();
    const sampling = samplingSchema.parse({ guidance_method: 'cfg_zero_star', steps: 50 });
    expect(countIdleSteps(sampling)).toBe(2);
    const solve = SOLVERS.euler(sampling);
    const parts = { times: [1, 0.75, 0.5, 0.25, 0], guide, prediction: PREDICTIONS.x_prediction, solve };
    await integrate(z, { ...parts, idleSteps: countIdleSteps(sampling) }, async () => {
      states.push([...z]);
    });
    expect(states.slice(0, 2)).toEqual([[...Z], [...Z]]);
    expect(states[2]).not.toEqual([...Z]);
    expect(runs).toHaveLength(4);
  });
});

const CLEAN = Z.map((_, k) => Math.sin(2.1 * k));

/** Peak signal to noise in decibels, for values in [-1, 1]. */
function psnr(z: Float32Array): number {
  const mse = z.reduce((sum, value, k) => sum + (value - CLEAN[k]!) ** 2, 0) / z.length;
  return 10 * Math.log10(4 / mse);
}

describe('an exact predictor', () => {
  it.each(
    SOLVER_NAMES.flatMap(solver =>
      TIME_GRID_NAMES.flatMap(time_grid =>
        GUIDANCE_NAMES.map(guidance_method => ({ solver, time_grid, guidance_method })),
      ),
    ),
  )('gives its picture by $solver, $time_grid and $guidance_method, also in few steps', async names => {
    for (const predicts of PREDICTION_TYPES) {
      for (const steps of [1, 2, 3, 8, 50]) {
        const sampling = samplingSchema.parse({ ...names, steps });
        const prediction = PREDICTIONS[predicts];
        const parts = {
          times: TIME_GRIDS[sampling.time_grid](sampling, {
            size: { width: 96, height: 64 },
            trained: { width: 32, height: 32 },
          }),
          guide: guideBy(names, { predicts, terms: ['text', 'reference', 'pose'], clean: (_, k) => CLEAN[k]! }).guide,
          prediction,
          solve: SOLVERS[sampling.solver](sampling),
          idleSteps: countIdleSteps(sampling),
        };
        expect(psnr(await integrate(Z.slice(), parts))).toBeGreaterThan(45);
      }
    }
  });
});
