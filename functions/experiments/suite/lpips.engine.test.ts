/** @file LPIPS in the validation suite: the net squeeze with random weights, computed by the job of the gpu-runner. */
import { afterAll, expect, test } from 'vitest';
import { CONTROL_NAMES } from '../../../configs/control-names.ts';
import type { Suite } from '../../../configs/validation-suite.ts';
import { createOnnxRuntimeEngine } from '../../../gpu-runner/engines/onnxruntime/engine.ts';
import { createExperiment } from '../../operations/create-experiment.ts';
import { createLpipsLab } from '../../testing/lpips-lab.ts';
import { ASKED_ENGINE, putToyDataset, TOY_CONFIG, type TrainingLab } from '../../testing/training.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose?.());

async function validate(lab: TrainingLab, name: string, side: number): Promise<Suite> {
  const dataset = await putToyDataset(lab.blobs, { count: 4, side, heldOut: 3 });
  const config = { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 } } };
  await createExperiment(lab, name, { config, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: name, target: 32 });
  const body = { checkpoint: name, count: 2, tests: ['text'], weights: ['ema'] };
  return (await lab.executor.callEffect('validate', body)) as unknown as Suite;
}

test('LPIPS of an installed net stands beside the other measures; pictures too small for it have those alone', async () => {
  const lab = await createLpipsLab(engine);
  const large = await validate(lab, 'large', 32);
  const [text, floor] = large.tests[0]?.scores ?? [];
  expect([large.lpips, text?.values.lpips?.length, floor?.values.lpips?.length]).toEqual(['lpips-squeeze', 2, 2]);
  expect(Math.min(...(text?.values.lpips ?? [0]).map(Number))).toBeGreaterThan(0);
  const controls = Object.fromEntries(
    large.controls.map(({ score, summaries }) => [score, summaries.lpips?.mean ?? 0]),
  );
  expect(controls.down_up).toBeGreaterThan(0);
  expect(controls.down_up).toBeLessThan(controls.mean ?? 0);

  const small = await validate(lab, 'small', 16);
  const [first] = small.tests[0]?.scores ?? [];
  expect([first?.values.lpips, first?.values.psnr?.length]).toEqual([undefined, 2]);
  expect(first?.without?.lpips).toContain('too small for LPIPS squeeze');
  expect(small.controls).toHaveLength(CONTROL_NAMES.length);
});
