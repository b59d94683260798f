import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BlobMissing, Busy, Cancelled } from '../../errors.ts';
import { digestOf } from '../../storage/digest.ts';
import { createRunnerClient } from '../client/client.ts';
import type { JobEvent, RunnerStatus } from '../protocol.ts';
import { fakeCheckpoint, fakeChunk, fakeSample } from '../testing/fake-jobs.ts';
import { SECRET, type SpawnedRunner, spawnRunner } from '../testing/spawn-runner.ts';

let folder = '';
const runners: SpawnedRunner[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-runner-'));
});

afterEach(async () => {
  for (const runner of runners.splice(0)) {
    await runner.stop('SIGKILL');
  }
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<SpawnedRunner> {
  const runner = await spawnRunner(folder, env);
  runners.push(runner);
  return runner;
}

const clientOf = (runner: SpawnedRunner, returnMs = 10_000) =>
  createRunnerClient({ addresses: [runner.url], secret: SECRET, returnMs, firstContactMs: 500 });

const never = () => new AbortController().signal;
const statusOf = async (runner: SpawnedRunner) => (await (await runner.fetch('/status')).json()) as RunnerStatus;

/** `promise` resolves at the first step of a chunk. */
function onceRunning() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEvent = (event: JobEvent) => {
    if (event.type === 'progress' && event.phase === 'train') resolve();
  };
  return { promise, onEvent };
}

test('while the main thread is blocked, status comes within 300 ms, with the age of the last heartbeat', async () => {
  const runner = await start({ FAKE_STEP_MS: '1000' });
  const controller = new AbortController();
  const run = clientOf(runner).run(digestOf('a'), fakeChunk(0, 30), { signal: controller.signal });
  const cancelled = expect(run).rejects.toThrow(Cancelled);
  while ((await statusOf(runner)).running === null) await sleep(20);
  await sleep(400);
  let slowest = 0;
  let oldestBeat = 0;
  for (let i = 0; i < 20; i++) {
    const from = performance.now();
    const status = await statusOf(runner);
    slowest = Math.max(slowest, performance.now() - from);
    oldestBeat = Math.max(oldestBeat, status.heartbeat_age_ms);
    expect(status.running).toMatchObject({ action: digestOf('a'), kind: 'train-chunk' });
    await sleep(20);
  }
  expect(slowest).toBeLessThan(300);
  expect(oldestBeat).toBeGreaterThan(300);
  controller.abort();
  await cancelled;
});

test('cancelling stops a running job between steps and removes a waiting job; then the next job runs', async () => {
  const runner = await start();
  const client = clientOf(runner);
  const running = onceRunning();
  const first = new AbortController();
  const second = new AbortController();
  const a = client.run(digestOf('a'), fakeChunk(0, 1000), { signal: first.signal, onEvent: running.onEvent });
  await running.promise;
  const b = client.run(digestOf('b'), fakeChunk(0, 1001), { signal: second.signal });
  while ((await statusOf(runner)).queued === 0) await sleep(5);
  second.abort();
  await expect(b).rejects.toThrow(Cancelled);
  first.abort();
  await expect(a).rejects.toThrow(Cancelled);
  const c = await client.run(digestOf('c'), fakeChunk(0, 3), { signal: never() });
  expect(c.to).toBe(3);
  const trace = await runner.trace();
  expect(trace.filter(line => line.startsWith('train'))).toHaveLength(2);
  expect(trace).not.toContain('step 900');
});

test('a sample runs between the steps of a chunk, and both have the usual results', async () => {
  const runner = await start();
  const client = clientOf(runner);
  const running = onceRunning();
  const chunk = client.run(digestOf('a'), fakeChunk(0, 40), { signal: never(), onEvent: running.onEvent });
  await running.promise;
  const sample = await client.run(digestOf('b'), fakeSample(7, 3), { signal: never() });
  expect(sample.outputs.pixels?.digest).toBe(digestOf('pixels of seed 7'));
  expect((await statusOf(runner)).running?.kind).toBe('train-chunk');
  expect((await chunk).outputs.checkpoint?.digest).toBe(digestOf(fakeCheckpoint(40)));
  const trace = await runner.trace();
  expect(trace.indexOf('sample 7')).toBeGreaterThan(trace.indexOf('step 1'));
  expect(trace.indexOf('sample 7')).toBeLessThan(trace.indexOf('step 40'));
});

test('two equal submissions run once, both see every step, and a later one gets the remembered result', async () => {
  const runner = await start();
  const submit = async () => {
    const steps: unknown[] = [];
    const onEvent = (event: JobEvent) => void (event.type === 'progress' && steps.push(event.done));
    const result = await clientOf(runner).run(digestOf('a'), fakeChunk(0, 5), { signal: never(), onEvent });
    return { result, steps };
  };
  const [{ result: a, steps }, b] = await Promise.all([submit(), submit()]);
  expect(b).toEqual({ result: a, steps });
  expect(steps).toEqual([1, 2, 3, 4, 5]);
  expect(await clientOf(runner).run(digestOf('a'), fakeChunk(0, 5), { signal: never() })).toEqual(a);
  expect((await runner.trace()).filter(line => line === 'train 0')).toHaveLength(1);
});

test('SIGTERM finishes the step, answers with the shorter chunk and exits with 0', async () => {
  const runner = await start({ FAKE_STEP_MS: '50' });
  const running = onceRunning();
  const run = clientOf(runner).run(digestOf('a'), fakeChunk(0, 1000), { signal: never(), onEvent: running.onEvent });
  await running.promise;
  runner.child.kill('SIGTERM');
  const result = await run;
  expect(result.to).toBeGreaterThan(0);
  expect(result.to).toBeLessThan(1000);
  expect(result.outputs.checkpoint?.digest).toBe(digestOf(fakeCheckpoint(result.to ?? 0)));
  expect(await runner.ended).toBe(0);
});

test('a second SIGTERM exits at once', async () => {
  const runner = await start({ FAKE_COMMIT: 'slow' });
  await runner.fetch(`/jobs/${digestOf('a')}`, { method: 'PUT', body: JSON.stringify(fakeChunk(0, 1000)) });
  while ((await runner.trace()).length < 3) await sleep(5);
  runner.child.kill('SIGTERM');
  while (!(await runner.trace()).includes('commit')) await sleep(5);
  const from = performance.now();
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toBe(1);
  expect(performance.now() - from).toBeLessThan(2000);
});

test('a process whose main thread never returns is killed at the deadline', async () => {
  const runner = await start({ FAKE_COMMIT: 'blocks', FAKE_STOP_DEADLINE_MS: '300' });
  await runner.fetch(`/jobs/${digestOf('a')}`, { method: 'PUT', body: JSON.stringify(fakeChunk(0, 1000)) });
  while ((await runner.trace()).length < 3) await sleep(5);
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toBe('SIGKILL');
  expect(await runner.trace()).toContain('commit');
});

test('a job that a shutdown interrupted is submitted again to the restarted runner', async () => {
  const runner = await start({ FAKE_STEP_MS: '30' });
  const client = clientOf(runner);
  const running = onceRunning();
  const first = client.run(digestOf('a'), fakeChunk(0, 1000), { signal: never(), onEvent: running.onEvent });
  await running.promise;
  const waiting = client.run(digestOf('b'), fakeChunk(0, 4), { signal: never() });
  while ((await statusOf(runner)).queued === 0) await sleep(5);
  runner.child.kill('SIGTERM');
  expect((await first).to).toBeLessThan(1000);
  expect(await runner.ended).toBe(0);
  await start({ ...runner.env, EASEL_RUNNER_PORT: new URL(runner.url).port });
  expect((await waiting).outputs.checkpoint?.digest).toBe(digestOf(fakeCheckpoint(4)));
});

test('after kill -9 the pending call completes on the restarted runner', async () => {
  const runner = await start({ FAKE_STEP_MS: '10' });
  const phases: string[] = [];
  const running = onceRunning();
  const run = clientOf(runner).run(digestOf('a'), fakeChunk(0, 60), {
    signal: never(),
    onEvent(event) {
      running.onEvent(event);
      if (event.type === 'progress') phases.push(event.phase);
    },
  });
  await running.promise;
  runner.child.kill('SIGKILL');
  expect(await runner.ended).toBe('SIGKILL');
  await sleep(500);
  await start({ ...runner.env, EASEL_RUNNER_PORT: new URL(runner.url).port });
  expect((await run).outputs.checkpoint?.digest).toBe(digestOf(fakeCheckpoint(60)));
  expect(phases).toContain('waiting');
  expect((await runner.trace()).filter(line => line === 'train 0')).toHaveLength(2);
});

test('Busy names the address of a runner that stays away, and what to do', async () => {
  const runner = await start();
  const running = onceRunning();
  const run = clientOf(runner, 600).run(digestOf('a'), fakeChunk(0, 1000), {
    signal: never(),
    onEvent: running.onEvent,
  });
  await running.promise;
  runner.child.kill('SIGKILL');
  await expect(run).rejects.toMatchObject({
    code: 'busy',
    message: `no gpu-runner is reachable (${runner.url}: ECONNREFUSED)`,
    hint: expect.stringContaining('easel up'),
  });
});

test('an error of a job keeps its class; a defect is internal, its stack is in the log, the runner lives on', async () => {
  const runner = await start();
  const client = clientOf(runner);
  const missing = client.run(digestOf('a'), fakeSample(404), { signal: never() });
  await expect(missing).rejects.toThrow(BlobMissing);
  await expect(missing).rejects.toMatchObject({ hint: 'train again', details: { digest: digestOf('checkpoint') } });
  await expect(client.run(digestOf('b'), fakeSample(500), { signal: never() })).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('TypeError: a defect'),
  });
  await expect.poll(() => runner.output()).toMatch(/TypeError: a defect\n\s+at /);
  const sample = await client.run(digestOf('c'), fakeSample(1), { signal: never() });
  expect(sample.outputs.pixels?.digest).toBe(digestOf('pixels of seed 1'));
});

test('a wrong secret, a malformed job and a job beyond the queue limit are refused', async () => {
  const runner = await start({ FAKE_QUEUE_LIMIT: '1', FAKE_STEP_MS: '50' });
  const wrong = await runner.fetch('/status', { headers: { authorization: 'Bearer wrong' } });
  expect(wrong.status).toBe(401);
  expect(await wrong.json()).toMatchObject({ code: 'unauthorized', status: 401 });
  expect(wrong.headers.get('content-type')).toBe('application/problem+json');

  const put = (name: string, body: unknown) =>
    runner.fetch(`/jobs/${digestOf(name)}`, { method: 'PUT', body: JSON.stringify(body) });
  expect((await put('x', { ...fakeChunk(0, 2), kind: 'dance' })).status).toBe(400);

  expect((await put('1', fakeChunk(0, 1000))).status).toBe(202);
  while ((await statusOf(runner)).running === null) await sleep(5);
  expect((await put('2', fakeChunk(0, 1000))).status).toBe(202);
  const full = await put('3', fakeChunk(0, 1000));
  expect(full.status).toBe(503);
  expect(full.headers.get('retry-after')).toBe('10');
  await expect(clientOf(runner).run(digestOf('3'), fakeChunk(0, 1000), { signal: never() })).rejects.toThrow(Busy);
});

test('a second runner on a device is refused with the name of the holder, until the holder has ended', async () => {
  const runner = await start();
  const second = start({ EASEL_DEVICE: runner.env.EASEL_DEVICE ?? '' });
  await expect(second).rejects.toThrow(
    /^exit 75: easel runner: the device ".*" is held by the gpu-runner with pid \d+ at http/,
  );
  await expect(second).rejects.toThrow(`pid ${runner.pid} at ${runner.url}`);
  runner.child.kill('SIGKILL');
  await runner.ended;
  await start({ EASEL_DEVICE: runner.env.EASEL_DEVICE ?? '' });
});

test('a taken port and a store that cannot be shared are refused with advice', async () => {
  const runner = await start();
  await expect(start({ EASEL_RUNNER_PORT: new URL(runner.url).port })).rejects.toThrow(/EADDRINUSE.*EASEL_RUNNER_PORT/);
  await expect(start({ EASEL_STORE: 'memory:' })).rejects.toThrow(/private to one process/);
  await expect(start({ EASEL_STORE: 'ftp://nowhere' })).rejects.toThrow(
    /^exit 1: easel runner: "ftp:\/\/nowhere" does not name a store/,
  );
});

test('a runner that starts alone writes a secret that only its user can read, and removes it at its end', async () => {
  const runner = await start({ EASEL_RUNNER_SECRET: '' });
  const file = join(folder, 'cache', 'runners', `${runner.env.EASEL_DEVICE}.json`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const client = createRunnerClient({ addresses: [runner.url], cacheFolder: join(folder, 'cache') });
  expect((await client.status()).pid).toBe(runner.pid);
  await expect(clientOf(runner).status()).rejects.toThrow(/secret is missing or wrong/);
  runner.child.kill('SIGTERM');
  expect(await runner.ended).toBe(0);
  await expect(stat(file)).rejects.toThrow(/ENOENT/);
});

test('a runner whose supervisor was killed finishes its step and ends', async () => {
  const entry = fileURLToPath(new URL('../testing/fake-runner.ts', import.meta.url));
  // The shell is the supervisor. A command follows, so that it does not replace itself with the runner.
  const shell = spawn('/bin/sh', ['-c', '"$0" "$1"; true', process.execPath, entry], {
    env: {
      PATH: process.env.PATH,
      EASEL_STORE: `file:${folder}/store`,
      EASEL_RUNNER_PORT: '0',
      EASEL_RUNNER_SECRET: SECRET,
      EASEL_DEVICE: `orphan-${process.pid}`,
      EASEL_SUPERVISED: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(shell.stdout, 'data')) as [Buffer];
  const address = /http:\S+/.exec(line.toString())?.[0] ?? '';
  const client = createRunnerClient({ addresses: [address], secret: SECRET, returnMs: 0 });
  const running = onceRunning();
  const run = client.run(digestOf('a'), fakeChunk(0, 1000), { signal: never(), onEvent: running.onEvent });
  await running.promise;
  // The death of a supervisor also closes the pipes, so that a print fails with EPIPE.
  shell.stdout.destroy();
  shell.kill('SIGKILL');
  expect((await run).to).toBeLessThan(1000);
  await expect.poll(() => client.status().catch(error => error.code), { timeout: 10_000 }).toBe('busy');
});
