import { expect, test } from 'vitest';
import { parseConfig } from './parse.ts';
import { samplingOf, samplingSchema } from './sampling.ts';

const DEFAULTS = {
  steps: 25,
  guidance: 1.5,
  seed: 0,
  solver: 'euler',
  time_grid: 'uniform',
  guidance_method: 'cfg',
};

test('sampling settings have defaults, in a body and as run.preview of a config', () => {
  // Further keys would change the digests of actions that lack them.
  expect(samplingSchema.parse({})).toStrictEqual(DEFAULTS);
  expect(samplingOf({})).toStrictEqual(DEFAULTS);
  expect(parseConfig({}).run.preview).toEqual({ prompts: [], ...DEFAULTS });
});

test('samplingOf picks the settings and leaves other keys', () => {
  expect(samplingOf({ prompts: ['x'], weights: 'ema', steps: 4, guidance: 2 })).toEqual({
    ...DEFAULTS,
    steps: 4,
    guidance: 2,
  });
});

test.each([
  ['solver', 'eular', 'unknown solver "eular"; did you mean "euler"? known: euler, heun, dpmpp_2m, unipc'],
  ['time_grid', 'unifrom', 'unknown time grid "unifrom"; did you mean "uniform"? known: uniform, shifted'],
  [
    'guidance_method',
    'zzzzzzzzz',
    'unknown guidance method "zzzzzzzzz"; known: cfg, dual_cfg, self_guidance, cfg_zero_star, apg',
  ],
])('an unknown %s in a config is refused, naming the nearest or the known ones', (key, name, message) => {
  expect(() => parseConfig({ run: { preview: { [key]: name } } })).toThrow(`run.preview.${key}: ${message}`);
});

test('samplingOf fills in the settings of the chosen method', () => {
  const dual = samplingOf({ guidance_method: 'dual_cfg', guidance_reference: 4 });
  expect(dual).toMatchObject({ guidance_text: 3, guidance_reference: 4, guidance_pose: 2.5 });
  const apg = { ...DEFAULTS, guidance_method: 'apg', apg_parallel: 0, apg_momentum: -0.5 };
  expect(samplingOf({ guidance_method: 'apg' })).toStrictEqual(apg);
  for (const [steps, zero_steps] of [
    [24, 0],
    [25, 1],
    [50, 2],
  ]) {
    expect(samplingOf({ guidance_method: 'cfg_zero_star', steps })).toMatchObject({ zero_steps });
  }
});

test.each([
  [{ shift: 3 }, 'shift: has no effect with time_grid uniform; it belongs to shifted'],
  [{ guidance_text: 3 }, 'guidance_text: has no effect with guidance_method cfg; it belongs to dual_cfg'],
  [
    { guidance_method: 'dual_cfg', apg_norm: 1 },
    'apg_norm: has no effect with guidance_method dual_cfg; it belongs to apg',
  ],
  [
    { guidance_method: 'dual_cfg', guidance: 3 },
    'guidance: has no effect with guidance_method dual_cfg; use guidance_text, guidance_reference, guidance_pose',
  ],
  [
    { guidance_method: 'self_guidance', guidance: 3 },
    'guidance: has no effect with guidance_method self_guidance; use guidance_self',
  ],
  [{ guidance_self: 3 }, 'guidance_self: has no effect with guidance_method cfg; it belongs to self_guidance'],
  [
    { guidance_method: 'self_guidance' },
    'guidance_method: self_guidance needs objective.tread, which trains the model with a route; expected one of: cfg, ',
  ],
  [{ guidance_method: 'cfg_zero_star', steps: 4, zero_steps: 4 }, 'zero_steps: must be smaller than steps (4)'],
  [{ guidance_interval: [0.9, 0.1] }, 'guidance_interval: must be [smallest time, largest time]'],
  [{ guidance_interval: 0.5 }, 'guidance_interval: expected an array, got a number'],
])('settings that have no effect, leave no step, or are no interval, are refused: %j', (settings, message) => {
  expect(() => parseConfig({ run: { preview: settings } })).toThrow(`run.preview.${message}`);
});

test('previews of a training with a route may be guided by it', () => {
  const preview = { guidance_method: 'self_guidance', guidance_self: 2 };
  expect(parseConfig({ objective: { tread: {} }, run: { preview } }).run.preview).toMatchObject(preview);
  expect(samplingOf({ guidance_method: 'self_guidance' })).toMatchObject({ guidance_self: 3 });
});

test.each([
  { time_grid: 'shifted', shift: 3 },
  { guidance_method: 'dual_cfg', guidance_text: 4, guidance_reference: 0, guidance_pose: 1 },
  { guidance_method: 'cfg_zero_star', zero_steps: 2, guidance_interval: [0, 0.9] },
  { guidance_method: 'apg', guidance: 8, apg_parallel: 0.5, apg_momentum: 0, apg_norm: 0.1 },
])('settings of the chosen method are taken: %j', settings => {
  expect(parseConfig({ run: { preview: settings } }).run.preview).toMatchObject(settings);
});
