/** @file Rows of edited captions and of other looks, of portraits whose attributes are read from pixels. */
import { expect, test } from 'vitest';
import type { Evaluation } from '../configs/evaluation.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { drawHeldOutPictures } from './testing/draw-held-out-pictures.ts';
import { holdOut } from './testing/hold-out.ts';
import { copyPrepared, createPictureLab } from './testing/pictures.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG } from './testing/training.ts';

const HELD_OUT = 12;

test('an edited caption counts what was to change and what was to stay, a swap the attributes of both pictures', async () => {
  const body = { dataset: 'p', source: 'portraits', count: 64, size: 64 };
  const store = await copyPrepared(body);
  const { digest } = (await createPictureLab({ store }).executor.callEffect('prepare', body)) as { digest: never };
  const lab = createTrainingLab(store);
  const dataset = await holdOut(lab.blobs, digest, HELD_OUT);
  await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 8 });
  await drawHeldOutPictures(lab, dataset);
  const call = { checkpoint: 'toy', samples: HELD_OUT, steps: 1, conditions: ['text', 'edit', 'swap'] };
  const { rows } = (await lab.executor.callEffect('evaluate', call)) as unknown as Evaluation;
  const of = (condition: string) => rows.find(each => each.row === 'drawn' && each.condition === condition);
  // The model draws each picture as it is, whatever it is told.
  expect(of('text')?.attributes?.background).toMatchObject({ right: HELD_OUT, of: HELD_OUT });
  expect(of('edit')?.edited).toMatchObject({ right: 0, of: HELD_OUT, share: 0 });
  expect(Object.keys(of('edit')?.attributes ?? {}).sort()).toEqual(['clothes', 'glasses', 'hair']);
  expect(of('edit')?.attributes?.clothes?.share).toBe(1);
  expect(of('swap')?.attributes?.background?.share).toBe(1);
  expect(of('swap')?.other_attributes?.background?.share).toBe(0);
  expect(of('text')).not.toHaveProperty('edited');
});
