/** @file The gap between trained and held-out pictures in LPIPS, by the net squeeze with random weights. */
import { afterAll, expect, test } from 'vitest';
import type { Memorization } from '../configs/memorization.ts';
import { createOnnxRuntimeEngine } from '../gpu-runner/engines/onnxruntime/engine.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { createLpipsLab } from './testing/lpips-lab.ts';
import { ASKED_ENGINE, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose?.());

async function check(lab: TrainingLab, name: string, side: number): Promise<Memorization> {
  const dataset = await putToyDataset(lab.blobs, { count: 6, side, heldOut: 2 });
  await createExperiment(lab, name, { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: name, target: 8 });
  const body = { checkpoint: name, samples: 4, steps: 2 };
  return (await lab.executor.callEffect('check-memorization', body)) as unknown as Memorization;
}

test('the gap has LPIPS of an installed net beside the distance of features; too small pictures have that alone', async () => {
  const lab = await createLpipsLab(engine);
  const { picture_gap: gap, no_lpips: why } = await check(lab, 'large', 32);
  expect([gap?.lpips, gap?.extractor, why]).toEqual(['lpips-squeeze', 'thumbnail', undefined]);
  for (const measure of ['lpips', 'feature_distance'] as const) {
    const { train, held_out: heldOut, difference } = gap?.measures[measure] ?? {};
    expect([train?.n, heldOut?.n], measure).toEqual([4, 4]);
    expect(train?.mean, measure).toBeGreaterThan(0);
    expect(difference?.mean, measure).toBeCloseTo((heldOut?.mean ?? 0) - (train?.mean ?? 0), 12);
  }
  const small = await check(lab, 'small', 16);
  expect(Object.keys(small.picture_gap?.measures ?? {})).not.toContain('lpips');
  expect([small.picture_gap?.lpips, small.no_lpips]).toEqual([
    undefined,
    'pictures with sides of 16 pixels are too small: lpips-squeeze needs 25',
  ]);
});
