import { expect, test } from 'vitest';
import { resolveConfig } from '../../configs/presets.ts';
import { fitWarmup } from './warmup.ts';

const fit = async (written: Record<string, unknown>) => fitWarmup(await resolveConfig(written), written);

test('a preset that is shortened gets a shorter warm-up', async () => {
  const { optimizer } = await fit({ preset: 'portraits', optimizer: { total_samples: 8000 } });
  expect(optimizer).toMatchObject({ total_samples: 8000, warmup_samples: 2800 });
});

test('a warm-up that its run has time for stays', async () => {
  expect((await fit({ preset: 'portraits' })).optimizer.warmup_samples).toBe(2900);
  const stated = { preset: 'portraits', optimizer: { total_samples: 8000, warmup_samples: 2800 } };
  expect((await fit(stated)).optimizer.warmup_samples).toBe(2800);
});

test('a config that states a warm-up that is too long is refused, with the longest one', async () => {
  const written = { preset: 'portraits', optimizer: { total_samples: 8000, warmup_samples: 6400 } };
  await expect(fit(written)).rejects.toMatchObject({
    status: 422,
    message: 'optimizer.warmup_samples 6400 leaves a run of 8000 samples no time at its full rate',
    expected: expect.stringContaining('at most 2800'),
  });
});
