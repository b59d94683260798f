import { expect, test } from 'vitest';
import { Busy, Unprocessable } from '../errors.ts';
import { changeHead, readHead } from '../functions/experiments/experiment-head.ts';
import { createRefs } from '../storage/names/refs.ts';
import { resumeExperiments } from './resume.ts';
import { createTrainingServer } from './testing/training.ts';

test('a server that starts goes on with running experiments and no other', async () => {
  const first = await createTrainingServer();
  for (const name of ['running', 'paused']) await first.create(name);
  await changeHead(first.store, 'running', head => ({ ...head, state: 'running' }));
  const next = await createTrainingServer(first.store);
  const lines: string[] = [];
  await resumeExperiments(next.deps, line => void lines.push(line));
  // The same call by a client joins it.
  await next.executor.callEffect('train', { experiment: 'running' });
  expect((await readHead(next.store, 'running')).value).toMatchObject({ state: 'done' });
  expect((await readHead(next.store, 'paused')).value).toMatchObject({ state: 'paused', history: [] });
  expect(lines).toEqual(['going on with the experiment running']);
});

test('a server that starts completes deletions that were cut off', async () => {
  const first = await createTrainingServer();
  for (const name of ['gone', 'kept']) await first.create(name);
  await changeHead(first.store, 'gone', head => ({ ...head, deleting: true }));
  const next = await createTrainingServer(first.store);
  const lines: string[] = [];
  await resumeExperiments(next.deps, line => void lines.push(line));
  expect(await createRefs(next.store).experiments.list()).toEqual(['kept']);
  expect(lines).toEqual(['going on with the deletion of gone']);
});

test('a server that starts waits for its gpu-runner', async () => {
  const first = await createTrainingServer();
  await first.create('toy');
  await changeHead(first.store, 'toy', head => ({ ...head, state: 'running' }));
  const next = await createTrainingServer(first.store);
  const { run } = next.runner;
  let refused = 0;
  next.runner.run = (...args) => {
    if (refused++ > 0) return run(...args);
    return Promise.reject(new Busy('no gpu-runner is reachable'));
  };
  await resumeExperiments(next.deps, () => {});
  await expect.poll(async () => (await readHead(next.store, 'toy')).value.state, { timeout: 10_000 }).toBe('done');
  expect(refused).toBeGreaterThan(1);
});

test('a server that starts tries again what failed for want of a runner, and leaves other failures alone', async () => {
  const first = await createTrainingServer();
  for (const name of ['waiting', 'broken']) await first.create(name);
  for (const [name, error] of Object.entries({
    waiting: new Busy('no gpu-runner is reachable'),
    broken: new Unprocessable('a page is damaged'),
  })) {
    first.runner.onStep = () => Promise.reject(error);
    await expect(first.executor.callEffect('train', { experiment: name })).rejects.toThrow(error.message);
  }
  const next = await createTrainingServer(first.store);
  const lines: string[] = [];
  await resumeExperiments(next.deps, line => void lines.push(line));
  await expect.poll(async () => (await readHead(next.store, 'waiting')).value.state, { timeout: 10_000 }).toBe('done');
  expect((await readHead(next.store, 'broken')).value.state).toBe('failed');
  expect(lines).toEqual(['going on with the experiment waiting']);
});

test('a pause ends the attempts of a server to go on', async () => {
  const server = await createTrainingServer();
  await server.create('toy');
  await changeHead(server.store, 'toy', head => ({ ...head, state: 'running' }));
  let asked = 0;
  server.runner.run = () => {
    asked++;
    return Promise.reject(new Busy('no gpu-runner is reachable'));
  };
  const pauses: (() => void)[] = [];
  const clock = { ...server.deps.clock, sleep: () => new Promise<void>(resolve => void pauses.push(resolve)) };
  await resumeExperiments({ ...server.deps, clock }, () => {});
  await expect.poll(() => pauses.length).toBe(1);
  expect((await readHead(server.store, 'toy')).value.state).toBe('failed');
  await server.expectJson(200, 'POST', '/experiments/toy/pause', {});
  pauses[0]?.();
  await new Promise(resolve => setTimeout(resolve, 50));
  expect((await readHead(server.store, 'toy')).value.state).toBe('paused');
  expect(asked).toBe(1);
});

test('an unreadable head is logged and does not stop the server', async () => {
  const server = await createTrainingServer();
  await server.store.put('refs/experiments/broken.json', Buffer.from('{'));
  const lines: string[] = [];
  await resumeExperiments(server.deps, line => void lines.push(line));
  expect(lines.join()).toContain('refs/experiments/broken.json');
});
