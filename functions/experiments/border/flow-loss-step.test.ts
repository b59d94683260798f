import { beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../../storage/drivers/memory.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from '../../testing/training.ts';
import { readMetrics, readScalars } from '../../views/metrics.ts';
import { readHead } from '../experiment-head.ts';
import { readValidation } from './flow-loss-step.ts';

let lab: TrainingLab;

beforeEach(async () => {
  lab = createTrainingLab(createMemoryStore());
  await lab.create('plain');
  await lab.executor.callEffect('train', { experiment: 'plain' });
  await lab.create('toy', { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, validation: { pictures: 3 } } });
  await lab.executor.callEffect('train', { experiment: 'toy' });
});

const readHeads = async () => {
  const [plain, toy] = await Promise.all(['plain', 'toy'].map(name => readHead(lab.store, name)));
  if (plain === undefined || toy === undefined) throw new Error('there are two experiments');
  return { plain: plain.value, toy: toy.value };
};

describe('a training with run.validation', () => {
  test('has the loss of every border, and the checkpoints of a training without it', async () => {
    const { plain, toy } = await readHeads();
    expect(toy.checkpoint).toBe(plain.checkpoint);
    expect(plain.chunks.flatMap(({ artifacts }) => Object.keys(artifacts))).not.toContain('validation');
    for (const { artifacts } of toy.chunks) {
      if (artifacts.validation === undefined) throw new Error('the border has no validation');
      const { held_out, train } = await readValidation(lab.blobs, artifacts.validation);
      expect([held_out?.pictures, train?.pictures]).toEqual([3, 3]);
    }
  });

  test('shows the losses in metrics, for TensorBoard, and as a file of the view', async () => {
    const { toy } = await readHeads();
    const { series } = await readMetrics(lab.blobs, toy.chunks, 0, 100);
    const losses = series['validation/flow_loss'] ?? [];
    expect(losses.map(loss => loss !== null)).toEqual(Array.from({ length: 16 }, (_, i) => (i + 1) % 4 === 0));
    const [first] = toy.chunks;
    if (first === undefined) throw new Error('there is a chunk');
    const events = await readScalars(lab.blobs, first);
    expect(events.map(({ scalars }) => 'validation/train_flow_loss' in scalars)).toEqual([false, false, false, true]);
    expect(events.at(-1)?.scalars['validation/flow_loss']).toBe(losses[3]);
    expect(await listKeys(lab.store, 'experiments/toy/flow-loss/')).toContain(
      'experiments/toy/flow-loss/step0000004/flow-loss.json',
    );
  });

  test('is measured no second time by a second call', async () => {
    const before = lab.runner.computed.length;
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(lab.runner.computed.length).toBe(before);
  });
});
