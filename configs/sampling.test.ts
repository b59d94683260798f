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
  expect(samplingSchema.parse({})).toEqual(DEFAULTS);
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
  ['solver', 'eular', 'unknown solver "eular"; did you mean "euler"? known: euler'],
  ['time_grid', 'unifrom', 'unknown time grid "unifrom"; did you mean "uniform"? known: uniform'],
  ['guidance_method', 'zzzzzzzzz', 'unknown guidance method "zzzzzzzzz"; known: cfg'],
])('an unknown %s in a config is refused, naming the nearest or the known ones', (key, name, message) => {
  expect(() => parseConfig({ run: { preview: { [key]: name } } })).toThrow(`run.preview.${key}: ${message}`);
});
