import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ArmResult, readResult, scoreOf, writeResult } from './results.ts';

const result = (errors: readonly number[], kid: number): ArmResult => ({
  arm: 'an-arm',
  seed: 1,
  changes: {},
  engine: 'reference f32',
  cost: 1,
  updates: 1,
  samples: 1,
  cpu_seconds: 1,
  losses: [],
  skipped: 0,
  pixel_errors: { ema10: errors },
  pictures: {
    'guidance-1.5': { kid, shares: { background: 1, clothes: 1, hair: 1, glasses: 1 }, seams: 1, grain: 0 },
  },
});

it('an arm with half of the errors and half of the distance scores a half, and the base 0', () => {
  const base = result([0.2, 0.4], 0.1);
  expect(scoreOf(base, base)).toBe(0);
  expect(scoreOf(result([0.1, 0.2], 0.05), base)).toBeCloseTo(Math.log(0.5));
  expect(scoreOf(result([0.1, 0.4], 0.1), base)).toBeCloseTo(Math.log(0.5) / 3);
});

it('a result is read as it was written; a part of one is no result', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-recipe-'));
  try {
    expect(await readResult(folder, 'an-arm-seed1')).toBeUndefined();
    await writeFile(join(folder, 'an-arm-seed1.json.part'), '{"arm":');
    expect(await readResult(folder, 'an-arm-seed1')).toBeUndefined();
    await writeResult(folder, 'an-arm-seed1', result([1], 1));
    expect(await readResult(folder, 'an-arm-seed1')).toEqual(result([1], 1));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
