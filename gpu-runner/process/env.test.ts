import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRunnerFiles, removeRunnerFile, writeRunnerFile } from '../client/runner-file.ts';
import { parseRunnerEnv } from './env.ts';

test('an empty environment gives the defaults of the design and a new secret', () => {
  const env = parseRunnerEnv({ EASEL_STORE: '' }, 32 * 2 ** 30);
  expect(env).toMatchObject({
    store: 'file:data/store',
    host: '127.0.0.1',
    port: 8789,
    device: 'cpu',
    ownSecret: true,
    pageBudgetBytes: 2 ** 30,
    supervised: false,
    killedForMemory: false,
  });
  expect(env.secret.length).toBeGreaterThan(40);
  expect(parseRunnerEnv({}).secret).not.toBe(env.secret);
});

test('pages of training data take at most a sixteenth of the memory, unless the user says otherwise', () => {
  const memory = 4 * 2 ** 30;
  expect(parseRunnerEnv({}, memory).pageBudgetBytes).toBe(2 ** 28);
  expect(parseRunnerEnv({ EASEL_PAGE_BUDGET_MB: '2048' }, memory).pageBudgetBytes).toBe(2 ** 31);
});

test('EASEL_HOST opens the server to the network, never the runner', () => {
  expect(parseRunnerEnv({ EASEL_HOST: '0.0.0.0' }).host).toBe('127.0.0.1');
  expect(parseRunnerEnv({ EASEL_HOST: '::1' }).host).toBe('::1');
  expect(parseRunnerEnv({ EASEL_HOST: '[::1]' }).host).toBe('::1');
});

test.each([
  [{ EASEL_RUNNER_PORT: '70000' }, 'EASEL_RUNNER_PORT'],
  [{ EASEL_RUNNER_PORT: 'x' }, 'EASEL_RUNNER_PORT'],
  [{ EASEL_RUNNER_SECRET: 'short' }, 'EASEL_RUNNER_SECRET: expected at least 16 characters'],
  [{ EASEL_DEVICE: 'a/b' }, 'EASEL_DEVICE'],
  [{ EASEL_PAGE_BUDGET_MB: '-1' }, 'EASEL_PAGE_BUDGET_MB'],
  [{ EASEL_THREADS: '0' }, 'EASEL_THREADS'],
  [{ EASEL_THREADS: 'all' }, 'EASEL_THREADS'],
  [{ EASEL_THREADS: '1.5' }, 'EASEL_THREADS'],
  [{ EASEL_THREADS: '257' }, 'EASEL_THREADS'],
  [{ EASEL_STORE: 'memory:' }, 'private to one process'],
])('%j is refused by name', (env, message) => {
  expect(() => parseRunnerEnv(env)).toThrow(message);
});

test('a runner file can be read, replaced, and removed by its own process only; broken files are skipped', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-cache-'));
  try {
    const file = { address: 'http://127.0.0.1:1', secret: 'x'.repeat(16), pid: process.pid };
    await writeRunnerFile(folder, 'cpu', { ...file, pid: 1 });
    await removeRunnerFile(folder, 'cpu');
    expect(await readRunnerFiles(folder)).toEqual([{ v: 1, ...file, pid: 1 }]);
    await writeRunnerFile(folder, 'cpu', file);
    await writeFile(join(folder, 'runners', 'torn.json'), '{"v":1,"addr');
    await writeFile(join(folder, 'runners', 'new.json'), JSON.stringify({ ...file, v: 2 }));
    expect(await readRunnerFiles(folder)).toEqual([{ v: 1, ...file }]);
    await removeRunnerFile(folder, 'cpu');
    expect(await readdir(join(folder, 'runners'))).toEqual(['new.json', 'torn.json']);
    expect(await readRunnerFiles(join(folder, 'absent'))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
