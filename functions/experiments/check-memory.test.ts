import { beforeEach, describe, expect, test } from 'vitest';
import { leastTrainingBytes } from '../../configs/model-size.ts';
import { parseConfig } from '../../configs/parse.ts';
import { Busy } from '../../errors.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { createTrainingLab, ENGINE, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { checkMemory } from './check-memory.ts';
import { readHead } from './experiment-head.ts';
import { frameOf } from './fit.ts';

const MB = 2 ** 20;
const CONFIG = parseConfig({ ...TOY_CONFIG, model: { ...TOY_CONFIG.model, hidden_size: 512, depth: 8 } });
const LEAST = leastTrainingBytes(CONFIG, frameOf(CONFIG));

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

function setMemory(memory: RunnerStatus['memory']): void {
  const { status } = lab.runner;
  lab.runner.status = async () => ({ ...(await status()), memory });
}

describe('a training whose state alone needs more', () => {
  test('than the gpu-runner may have is refused with both numbers', async () => {
    setMemory({ limit_bytes: LEAST - 1, free_bytes: LEAST - 1 });
    await expect(checkMemory(lab.runner, ENGINE, CONFIG)).rejects.toMatchObject({
      status: 422,
      message: 'the training needs at least 365 MiB, and the gpu-runner may have 365 MiB',
      hint: expect.stringContaining('easel preflight'),
    });
  });

  test('than is free now is to be tried again', async () => {
    setMemory({ limit_bytes: 1024 * MB, free_bytes: 100 * MB });
    await expect(checkMemory(lab.runner, ENGINE, CONFIG)).rejects.toMatchObject({
      status: 503,
      retryable: true,
      message: 'the training needs at least 365 MiB, and 100 MiB of 1.0 GiB are free',
    });
  });
});

test('a training that fits is not refused, nor one on a card, nor without a gpu-runner that tells', async () => {
  await checkMemory(lab.runner, ENGINE, CONFIG);
  setMemory({ limit_bytes: LEAST, free_bytes: LEAST });
  await checkMemory(lab.runner, ENGINE, CONFIG);
  setMemory({ limit_bytes: 1 });
  await checkMemory(lab.runner, { name: 'xla/cuda', precision: 'bf16', threads: 1 }, CONFIG);
  lab.runner.status = () => Promise.reject(new Busy('no gpu-runner is reachable'));
  await checkMemory(lab.runner, ENGINE, CONFIG);
});

test('train looks at the memory before its first step, and goes on when there is enough', async () => {
  await lab.create('toy');
  const { status } = lab.runner;
  setMemory({ limit_bytes: 1, free_bytes: 1 });
  const train = () => lab.executor.callEffect('train', { experiment: 'toy' });
  await expect(train()).rejects.toThrow(/^the training needs at least \d+ MiB, and the gpu-runner may have 1 MiB$/);
  expect(lab.runner.computed).toEqual([]);
  expect((await readHead(lab.store, 'toy')).value.state).toBe('failed');
  lab.runner.status = status;
  expect(await train()).toMatchObject({ state: 'done' });
});
