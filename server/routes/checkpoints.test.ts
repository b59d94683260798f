import { beforeEach, describe, expect, test } from 'vitest';
import { changeHead, readHead } from '../../functions/experiments/experiment-head.ts';
import { ENGINE, TOY_CONFIG } from '../../functions/testing/training.ts';
import { createTrainingServer, type TrainingServer } from '../testing/training.ts';

let server: TrainingServer;

/** `toy`, trained to step 8, with the checkpoints of steps 4 and 8. */
beforeEach(async () => {
  server = await createTrainingServer();
  const body = { config: TOY_CONFIG, dataset: server.dataset, engine: ENGINE };
  await server.expectJson(201, 'PUT', '/experiments/toy', body);
  await server.executor.callEffect('train', { experiment: 'toy', target: 64 });
});

describe('branch', () => {
  const request = { name: 'slow', from: 4, config: { optimizer: { learning_rate: 1e-4 } } };

  test('branch creates an experiment that trains on from a checkpoint; an equal call changes nothing', async () => {
    const made = await server.expectJson(201, 'POST', '/experiments/toy/branch', request);
    const { checkpoints } = await server.expectJson(200, 'GET', '/experiments/toy');
    const { step, checkpoint } = checkpoints[0];
    expect(made).toMatchObject({
      name: 'slow',
      state: 'paused',
      step: 4,
      samples: 32,
      target: 128,
      branched_from: { experiment: 'toy', step, checkpoint },
      urls: { train: '/experiments/slow/train' },
    });
    expect(await server.expectJson(200, 'POST', '/experiments/toy/branch', request)).toEqual(made);
    const wait = { prefer: 'wait=30' };
    const run = await server.expectJson(200, 'POST', '/experiments/slow/train', {}, wait);
    expect(run).toMatchObject({ result: { state: 'done', step: 16, branched_from: { experiment: 'toy' } } });
    const { effective_config } = await server.expectJson(200, 'GET', '/experiments/slow');
    expect(effective_config.optimizer).toMatchObject({ learning_rate: 1e-4, total_samples: 128 });
    const { series } = await server.expectJson(200, 'GET', '/experiments/slow/metrics');
    expect(series.step).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    await server.expectJson(200, 'POST', '/sample', { model: 'slow@4', prompt: 'a hat', steps: 2 });
  });

  test('a branch begins at the newest checkpoint unless the call names one', async () => {
    const response = await server.send('POST', '/experiments/toy/branch', { name: 'twin' });
    expect([response.status, response.headers.get('location')]).toEqual([201, '/experiments/twin']);
    expect(await response.json()).toMatchObject({ step: 8, branched_from: { step: 8 } });
  });

  test('a branch begins at the best or the clean checkpoint, as it is when the branch is created', async () => {
    const { history } = (await readHead(server.store, 'toy')).value;
    const [first, second] = history;
    await changeHead(server.store, 'toy', head => ({
      ...head,
      ...(first && { best: { ...first, held_out_loss: 0.5 } }),
      ...(second && { clean: second }),
    }));
    for (const [name, from, step] of [
      ['a', 'best', 4],
      ['b', 'toy@best', 4],
      ['c', 'clean', 8],
      ['d', 'toy@clean', 8],
      ['e', 'toy@4', 4],
      ['f', 'toy@latest', 8],
    ] as const) {
      const made = await server.expectJson(201, 'POST', '/experiments/toy/branch', { name, from });
      expect(made.branched_from, from).toMatchObject({ experiment: 'toy', step });
    }
    await changeHead(server.store, 'toy', head => ({ ...head, ...(first && { clean: first }) }));
    const again = await server.expectJson(200, 'POST', '/experiments/toy/branch', { name: 'd', from: 'toy@clean' });
    expect(again.branched_from).toMatchObject({ step: 8 });
    await server.executor.callEffect('train', { experiment: 'b', target: 64 });
  });

  test.each([
    ['best', 422, 'has no best checkpoint', 'train with run.validation'],
    ['clean', 422, 'no check found a checkpoint of "toy"', 'easel check-memorization toy'],
    ['slow@best', 400, 'a checkpoint of another experiment than "toy"', 'POST /experiments/slow/branch'],
  ])('a branch from %s is refused with what to do', async (from, status, text, hint) => {
    const problem = await server.expectJson(status, 'POST', '/experiments/toy/branch', { name: 'slow', from });
    expect([problem.detail, problem.hint]).toEqual([expect.stringContaining(text), expect.stringContaining(hint)]);
  });

  test('a branch stays when its parent is deleted', async () => {
    await server.expectJson(201, 'POST', '/experiments/toy/branch', request);
    expect((await server.send('DELETE', '/experiments/toy')).status).toBe(204);
    await server.executor.callEffect('train', { experiment: 'slow' });
    expect(await server.expectJson(200, 'GET', '/experiments/slow')).toMatchObject({ state: 'done', step: 16 });
  });

  test.each([
    ['no name', { from: 4 }, 400, ''],
    ['a malformed name', { name: 'Slow one' }, 400, ''],
    ['an unknown key', { name: 'slow', step: 4 }, 400, ''],
    ['a step that is not kept', { name: 'slow', from: 5 }, 404, 'keeps no checkpoint of step 5'],
    ['a malformed version', { name: 'slow', from: 'soon' }, 400, ''],
    ['a key that cannot change', { name: 'slow', config: { seed: 1 } }, 422, 'seed (0, not 1)'],
    ['an unknown key of the config', { name: 'slow', config: { sede: 1 } }, 400, 'did you mean seed?'],
    ['its own name', { name: 'toy' }, 409, 'exists with another parent'],
  ])('branch refuses %s', async (_, given, status, text) => {
    const problem = await server.expectJson(status, 'POST', '/experiments/toy/branch', given);
    expect(problem.detail).toContain(text);
    await server.expectJson(404, 'GET', '/experiments/slow');
  });

  test.each([['x'], [{}], [1.5], ['sha256:12'], ['toy@'], ['toy@soon'], ['toy@best@4']])(
    'a branch from %j is told what `from` may be',
    async from => {
      const problem = await server.expectJson(400, 'POST', '/experiments/toy/branch', { name: 'slow', from });
      expect(JSON.stringify(problem)).toMatch(
        /from: expected `latest`, `best`, `clean`, .* the step of a kept checkpoint, or its digest/,
      );
    },
  );

  test('a branch of an unknown experiment is refused', async () => {
    await server.expectJson(404, 'POST', '/experiments/nobody/branch', request);
  });
});

describe('pin', () => {
  test('a pin keeps the checkpoint of a step until it is unpinned', async () => {
    const pinned = await server.expectJson(200, 'POST', '/experiments/toy/pin', { step: 4 });
    expect(pinned.checkpoints).toMatchObject([{ step: 4, pinned: true }, { step: 8 }]);
    expect(pinned.checkpoints[1]).not.toHaveProperty('pinned');
    await server.executor.callEffect('train', { experiment: 'toy', target: 128 });
    const trained = await server.expectJson(200, 'GET', '/experiments/toy');
    expect(trained.checkpoints.map(({ step }: { step: number }) => step)).toEqual([4, 12, 16]);
    await server.expectJson(200, 'POST', '/sample', { model: 'toy@4', prompt: 'a hat', steps: 2 });
    const unpinned = await server.expectJson(200, 'DELETE', '/experiments/toy/pin/4');
    expect(unpinned.checkpoints.map(({ step }: { step: number }) => step)).toEqual([12, 16]);
    expect(await server.expectJson(200, 'DELETE', '/experiments/toy/pin/4')).toEqual(unpinned);
  });

  test('pin takes a digest, or the newest checkpoint', async () => {
    const { checkpoints } = await server.expectJson(200, 'POST', '/experiments/toy/pin', {});
    expect(checkpoints).toMatchObject([{ step: 4 }, { step: 8, pinned: true }]);
    const { checkpoint } = checkpoints[0];
    const again = await server.expectJson(200, 'POST', '/experiments/toy/pin', { checkpoint });
    expect(again.checkpoints).toMatchObject([
      { step: 4, pinned: true },
      { step: 8, pinned: true },
    ]);
  });

  test.each([
    ['a step that is not kept', { step: 5 }, 404, 'one of the steps 4, 8'],
    ['a checkpoint that is not kept', { checkpoint: `sha256:${'0'.repeat(64)}` }, 404, 'one of the steps 4, 8'],
    ['a step and a checkpoint', { step: 4, checkpoint: `sha256:${'0'.repeat(64)}` }, 400, ''],
    ['a malformed step', { step: '4' }, 400, ''],
    ['an unknown key', { steps: 4 }, 400, ''],
  ])('pin refuses %s', async (_, given, status, expected) => {
    const problem = await server.expectJson(status, 'POST', '/experiments/toy/pin', given);
    expect(problem.expected ?? '').toContain(expected);
    expect((await readHead(server.store, 'toy')).value.pinned).toEqual([]);
  });

  test('pin refuses an unknown experiment and a malformed step', async () => {
    await server.expectJson(404, 'POST', '/experiments/nobody/pin', { step: 4 });
    await server.expectJson(404, 'DELETE', '/experiments/nobody/pin/4');
    await server.expectJson(400, 'DELETE', '/experiments/toy/pin/four');
  });
});
