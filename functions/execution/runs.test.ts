import { expect, test, vi } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { createBench, createLab, failureOf, textOf } from '../testing/functions.ts';

test('a caller that leaves does not stop work that has other callers', async () => {
  const lab = createLab();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = failureOf(lab.executor.call('slow', { text: 'a' }, { signal: one.signal }));
  const second = failureOf(lab.executor.call('slow', { text: 'a' }, { signal: two.signal }));
  await expect.poll(() => lab.bench.runs).toEqual(['slow a']);
  one.abort();
  expect((await first).code).toBe('cancelled');
  const third = lab.executor.call('slow', { text: 'a' });
  two.abort();
  expect((await second).code).toBe('cancelled');
  lab.bench.gate.resolve();
  expect(await textOf(lab, await third)).toBe('a');
  expect(lab.bench.runs).toEqual(['slow a']);
});

test('when the last caller leaves, the work stops, and the next call starts it again', async () => {
  const lab = createLab();
  const controller = new AbortController();
  const first = failureOf(lab.executor.call('slow', { text: 'a' }, { signal: controller.signal }));
  await expect.poll(() => lab.bench.runs).toEqual(['slow a']);
  controller.abort();
  const second = lab.executor.call('slow', { text: 'a' });
  expect((await first).code).toBe('cancelled');
  lab.bench.gate.resolve();
  expect(await textOf(lab, await second)).toBe('a');
  expect(lab.bench.runs).toEqual(['slow a', 'slow a']);
});

test('an equal effect joins the running one, and runs again after its end', async () => {
  const lab = createLab();
  const first = lab.executor.callEffect('work', { name: 'a' });
  const second = lab.executor.callEffect('work', { name: 'a', fail: true });
  lab.bench.gate.resolve();
  expect(await second).toEqual(await first);
  expect(lab.bench.runs).toEqual(['work a', 'slow a 1', 'slow a 2']);
  await lab.executor.callEffect('work', { name: 'a' });
  expect(lab.bench.runs.filter(run => run === 'work a')).toHaveLength(2);
  expect(lab.bench.runs.filter(run => run.startsWith('slow'))).toHaveLength(2);
});

test('effects run effects, and progress reaches the caller', async () => {
  const lab = createLab();
  lab.bench.gate.resolve();
  const phases: string[] = [];
  const result = await lab.executor.callEffect('outer', { name: 'a' }, { onEvent: event => phases.push(event.phase) });
  expect(result).toMatchObject({ inner: { name: 'a' } });
  expect(phases).toEqual(['waiting', 'finished', 'waiting', 'finished']);
});

test('a stopped effect goes on where it was: its finished calls are hits', async () => {
  const lab = createLab();
  const controller = new AbortController();
  await lab.executor.close();
  const started = failureOf(lab.executor.callEffect('work', { name: 'a' }, { signal: controller.signal }));
  await expect.poll(() => lab.bench.runs).toContain('slow a 1');
  lab.bench.gate.resolve();
  lab.bench.gate = Promise.withResolvers();
  await expect.poll(() => lab.bench.runs).toContain('slow a 2');
  controller.abort();
  expect((await started).code).toBe('cancelled');
  const restarted = createLab({ store: lab.store, bench: lab.bench });
  lab.bench.gate.resolve();
  await restarted.executor.callEffect('work', { name: 'a' });
  expect(lab.bench.runs).toEqual(['work a', 'slow a 1', 'slow a 2', 'work a', 'slow a 2']);
});

test('a run is found while it runs, after its end, in the store, and by its result', async () => {
  const bench = createBench();
  const lab = createLab({ bench });
  const started = await lab.executor.start('work', { name: 'a' });
  expect((await (await lab.executor.findRun(started.action))?.state())?.state).toBe('running');
  bench.gate.resolve();
  const ended = await started.wait(5000);
  expect(ended).toMatchObject({ state: 'done', function: 'work', result: { name: 'a' } });
  await lab.executor.close();

  const other = createLab({ store: lab.store });
  const found = await other.executor.findRun(started.action);
  expect(await found?.state()).toMatchObject({ state: 'done', function: 'work', result: { name: 'a' } });
  const phases = [];
  for await (const event of found?.events(0) ?? []) phases.push(event.data.phase);
  expect(phases).toEqual(['waiting', 'finished', 'waiting', 'finished']);

  const { action, result } = await lab.executor.call('echo', { text: 'a' });
  expect(await (await other.executor.findRun(action))?.state()).toMatchObject({ state: 'done', result });
  expect(await other.executor.findRun(digestOf('no such run'))).toBeUndefined();
});

test('a failed run is kept with its error', async () => {
  const lab = createLab();
  const run = await lab.executor.start('refuse', {});
  expect(await run.wait(5000)).toMatchObject({
    state: 'failed',
    error: { code: 'unprocessable', hint: 'do something else' },
  });
  await lab.executor.close();
  const other = createLab({ store: lab.store });
  expect(await (await other.executor.findRun(run.action))?.state()).toMatchObject({
    state: 'failed',
    error: { code: 'unprocessable', message: 'it cannot be done' },
  });
});

test('a posted run with a defect logs the stack once; its own answer has the message only', async () => {
  const logged = vi.spyOn(console, 'error').mockReturnValue();
  const lab = createLab();
  const run = await lab.executor.start('refuse', { defect: true });
  const { error } = await run.wait(5000);
  expect(error).toMatchObject({ code: 'internal', message: 'an unexpected error: x is not a function' });
  expect(JSON.stringify(error)).not.toContain('    at ');
  expect(logged.mock.calls).toEqual([['easel server: refuse failed:', expect.any(TypeError)]]);
  logged.mockRestore();
});
