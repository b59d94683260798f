import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createNameResolver } from '../execution/names.ts';
import { createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { chooseBest } from './best-checkpoint.ts';
import { readValidation } from './border/flow-loss-step.ts';
import { readHead } from './experiment-head.ts';
import { isComplete } from './kept-checkpoints.ts';

const VALIDATED = { ...TOY_CONFIG, run: { chunk_steps: 1, keep: 1, validation: { pictures: 2 } } };

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

async function trainTo(target: number): Promise<ExperimentHead> {
  await lab.executor.callEffect('train', { experiment: 'toy', target });
  return (await readHead(lab.store, 'toy')).value;
}

/** The step whose checkpoint has the smallest loss, and the loss: a stand-in for weights gives each another one. */
async function smallestLoss({ chunks }: ExperimentHead) {
  const losses = await Promise.all(
    chunks.map(async ({ to, artifacts: { validation } }) => {
      if (validation === undefined) throw new Error(`step ${to} was not validated`);
      return { step: to, loss: (await readValidation(lab.blobs, validation)).held_out?.loss ?? Number.NaN };
    }),
  );
  return losses.toSorted((a, b) => a.loss - b.loss)[0];
}

describe('the best checkpoint', () => {
  test('is the one with the smallest loss on held-out pictures, and stays until a better one comes', async () => {
    await lab.create('toy', VALIDATED);
    const seen = new Set<number>();
    for (let steps = 1; steps <= 16; steps++) {
      const head = await trainTo(steps * 8);
      const smallest = await smallestLoss(head);
      expect(head.best).toMatchObject({ step: smallest?.step, held_out_loss: smallest?.loss });
      expect(head.best && (await isComplete(lab.blobs, head.best.checkpoint))).toBe(true);
      expect(await createNameResolver(lab.store).resolve('experiment', 'toy@best', 'checkpoint')).toBe(
        head.best?.checkpoint,
      );
      seen.add(head.best?.step ?? 0);
    }
    expect(seen.size).toBeGreaterThan(1);
    const { best, history, superseded } = await trainTo(128);
    // It outlived its place among the newest, and no former best was left behind.
    expect(history.map(({ step }) => step)).not.toContain(best?.step);
    expect(superseded).toEqual([]);
    const readme = await lab.store.get('experiments/toy/README.md');
    expect(Buffer.from(readme?.body ?? '').toString()).toContain(`best: step ${best?.step}, held-out loss 0.`);
  });

  test('does not exist without validation, and a name with @best says so', async () => {
    await lab.create('toy');
    expect((await trainTo(32)).best).toBeUndefined();
    await expect(createNameResolver(lab.store).resolve('experiment', 'toy@best', 'checkpoint')).rejects.toMatchObject({
      message: 'the experiment "toy" has no best checkpoint: none was measured on held-out pictures',
    });
  });

  test('of a former dataset gives way to the first one of the new dataset', () => {
    const digest = digestOf('any');
    const judged = (step: number, held_out_loss: number) => ({
      step,
      held_out_loss,
      checkpoint: digest,
      result: digest,
    });
    const before = { best: judged(4, 0.1), former_datasets: [{ dataset: digest, until: 4 }] };
    expect(chooseBest(before, judged(8, 0.9))?.step).toBe(8);
    expect(chooseBest({ best: judged(4, 0.1) }, judged(8, 0.9))?.step).toBe(4);
    expect(chooseBest({ best: judged(4, 0.1) }, undefined)?.step).toBe(4);
    expect(chooseBest({}, judged(8, 0.9))?.step).toBe(8);
  });
});
