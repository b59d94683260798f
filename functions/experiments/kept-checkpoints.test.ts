import { expect, test } from 'vitest';
import { Conflict, NotFound } from '../../errors.ts';
import { digestOf } from '../../storage/digest.ts';
import { createTrainingLab } from '../testing/training.ts';
import { readHead } from './experiment-head.ts';
import { checkStillKept } from './kept-checkpoints.ts';

test('a new experiment goes again, when the other one let its first checkpoint go meanwhile', async () => {
  const lab = createTrainingLab();
  await lab.create('toy');
  await lab.create('young');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
  const { checkpoint = digestOf('none') } = (await readHead(lab.store, 'toy')).value;
  const told = { meanwhile: 'meanwhile', hint: 'call again' };
  const kept = { experiment: 'toy', step: 4, checkpoint };
  await checkStillKept(lab.store, 'young', kept, told);
  expect((await readHead(lab.store, 'young')).value.state).toBe('paused');
  const gone = { ...kept, checkpoint: digestOf('pruned') };
  const check = checkStillKept(lab.store, 'young', gone, told);
  await expect(check).rejects.toMatchObject({
    code: 'conflict',
    message: 'the experiment "toy" let step 4 go meanwhile',
  });
  await expect(readHead(lab.store, 'young')).rejects.toBeInstanceOf(NotFound);

  await lab.create('young');
  await expect(checkStillKept(lab.store, 'young', kept, told, () => false)).rejects.toBeInstanceOf(Conflict);
  await expect(readHead(lab.store, 'young')).rejects.toBeInstanceOf(NotFound);
});
