import { beforeEach, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { changeHead, readConfig, readHead } from '../experiments/experiment-head.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { createExperiment } from './create-experiment.ts';
import { deleteExperiment } from './delete-experiment.ts';

let lab: TrainingLab;

/** `toy`, trained to step 8, with the checkpoints of steps 4 and 8. */
beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
});

const headOf = async (name: string) => (await readHead(lab.store, name)).value;
async function create(init_from: Readonly<Record<string, Json>>, changes: object = {}, name = 'new') {
  const { dataset } = await headOf('toy');
  const config = { ...TOY_CONFIG, ...changes, init_from };
  return createExperiment(lab, name, { config, dataset, engine: ASKED_ENGINE });
}

describe('init_from', () => {
  test('of an experiment means its newest checkpoint for ever', async () => {
    const { head, config } = await create({ experiment: 'toy' });
    const { checkpoint } = await headOf('toy');
    expect(head).toMatchObject({ init_from: { experiment: 'toy', step: 8, checkpoint }, history: [] });
    expect(head.checkpoint).toBeUndefined();
    expect(config.init_from).toEqual({ checkpoint, weights: 'ema' });
    await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    expect(await create({ experiment: 'toy' })).toMatchObject({ created: false, head: { init_from: { step: 8 } } });
    expect(await create({ checkpoint: checkpoint ?? '' })).toMatchObject({ created: false });
  });

  test('may name a step, and a digest that an experiment keeps', async () => {
    const { head } = await create({ experiment: 'toy', step: 4, weights: 'raw' });
    expect(head.init_from?.step).toBe(4);
    const other = await create({ checkpoint: head.init_from?.checkpoint ?? '' }, {}, 'other');
    expect(other.head.init_from).toMatchObject({ step: 4, checkpoint: head.init_from?.checkpoint });
    await expect(create({ experiment: 'toy', step: 8 })).rejects.toThrow('exists with another init_from');
  });

  test('may name the best or the clean checkpoint, and means it for ever', async () => {
    const [first, second] = (await headOf('toy')).history;
    const judge = (clean: typeof first) =>
      changeHead(lab.store, 'toy', head => ({
        ...head,
        ...(clean && { clean }),
        ...(second && { best: { ...second, held_out_loss: 0.5 } }),
      }));
    await judge(first);
    const { head, config } = await create({ experiment: 'toy', step: 'clean' });
    expect(head.init_from).toEqual({ experiment: 'toy', step: 4, checkpoint: first?.checkpoint });
    expect(config.init_from).toEqual({ checkpoint: first?.checkpoint, weights: 'ema' });
    expect((await create({ experiment: 'toy', step: 'best' }, {}, 'other')).head.init_from?.step).toBe(8);
    await judge(second);
    expect(await create({ experiment: 'toy', step: 'clean' })).toMatchObject({ created: false });
    expect((await headOf('new')).init_from?.step).toBe(4);
  });

  test('keeps the checkpoint when the other experiment moves on or is deleted', async () => {
    const { head } = await create({ experiment: 'toy', step: 4 });
    await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    await deleteExperiment({ ...lab, now: Date.now }, 'toy');
    const { checkpoint } = head.init_from ?? {};
    expect(checkpoint && (await isComplete(lab.blobs, checkpoint))).toBe(true);
    await lab.executor.callEffect('train', { experiment: 'new', target: 64 });
    const made = await headOf('new');
    expect(made.checkpoint && (await readCheckpoint(lab.blobs, made.checkpoint))).toMatchObject({ step: 8 });
    expect(await readConfig(lab.blobs, made)).toMatchObject({ init_from: { checkpoint } });
  });

  test.each([
    [{ experiment: 'toi' }, {}, 'init_from: there is no experiment "toi"'],
    [{ experiment: 'toy', step: 5 }, {}, 'the experiment "toy" keeps no checkpoint of step 5'],
    [{ experiment: 'toy', step: 'best' }, {}, 'the experiment "toy" has no best checkpoint'],
    [{ experiment: 'toy', step: 'clean' }, {}, 'no check found a checkpoint of "toy"'],
    [{ checkpoint: `sha256:${'0'.repeat(64)}` }, {}, 'init_from: no experiment keeps the checkpoint sha256:0'],
    [{}, {}, 'expected the name of an experiment or the digest of a checkpoint'],
    [
      { experiment: 'toy' },
      { model: { ...TOY_CONFIG.model, hidden_size: 32 } },
      'init_from: the weights are of a model with another model.hidden_size (16, not 32)',
    ],
    [
      { experiment: 'toy' },
      { objective: { prediction_type: 'v_prediction' } },
      'another objective.prediction_type ("x_prediction", not "v_prediction")',
    ],
  ])('%j with %j is refused', async (start, changes, message) => {
    await expect(create(start, changes)).rejects.toThrow(message);
    expect(await createRefs(lab.store).experiments.read('new')).toBeUndefined();
  });

  test('takes a place in the picture as the other training did', async () => {
    const { config } = await create({ experiment: 'toy' });
    const before = await readConfig(lab.blobs, await headOf('toy'));
    expect(config.model.tokens_per_side).toBe(before.model.tokens_per_side);
  });
});

test('adapters without weights to adapt are refused', async () => {
  const { dataset } = await headOf('toy');
  const config = { ...TOY_CONFIG, model: { ...TOY_CONFIG.model, lora: {} } };
  await expect(createExperiment(lab, 'new', { config, dataset, engine: ASKED_ENGINE })).rejects.toMatchObject({
    message: 'model.lora adapts trained weights, and the config has none',
  });
});

test('a model that gets adapters begins with weights of the one without', async () => {
  const { config } = await create({ experiment: 'toy' }, { model: { ...TOY_CONFIG.model, lora: { rank: 4 } } });
  expect(config.model.lora).toEqual({ rank: 4, alpha: 16 });
});
