import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Easel, type EaselOptions, startEasel } from './up.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const fake = pathOf('./testing/fake-service.ts');
let folder = '';
let journal = '';
let easel: Easel | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-up-'));
  journal = join(folder, 'journal');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await easel?.stop();
  easel = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function start(options: EaselOptions = {}): Promise<Easel> {
  easel = await startEasel({
    port: 0,
    entries: { server: fake, runner: fake },
    ...options,
    env: { FAKE_JOURNAL: journal, ...options.env },
  });
  return easel;
}

interface Answer {
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
}
const ask = async (url: string): Promise<Answer> => (await fetch(url)).json() as Promise<Answer>;
const read = async () => (await readFile(journal, 'utf8')).split('\n').filter(Boolean);

/** Polls until the condition holds; the test's own time limit is the deadline. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('server and gpu-runner start on free ports, know each other and share a fresh secret', async () => {
  const lines: string[] = [];
  const up = await start({ store: 'file:somewhere', device: 'some-device', log: line => lines.push(line) });
  const [server, runner] = await Promise.all([ask(up.url), ask(up.runnerUrl)]);
  expect([server.pid, runner.pid]).toEqual([up.serverPid, up.runnerPid]);
  expect(server.env.EASEL_RUNNERS).toBe(up.runnerUrl);
  expect(server.env.EASEL_RUNNER_SECRET?.length).toBeGreaterThan(40);
  expect(runner.env.EASEL_RUNNER_SECRET).toBe(server.env.EASEL_RUNNER_SECRET);
  expect([server.env.EASEL_STORE, runner.env.EASEL_STORE]).toEqual(['file:somewhere', 'file:somewhere']);
  expect(runner.env.EASEL_DEVICE).toBe('some-device');
  expect(server.env.EASEL_S3_PORT).toBe('0');
  expect(lines).toContain(`server | easel server listening on ${up.url} (a fake)`);
  expect(lines).toContain(`runner | easel runner listening on ${up.runnerUrl} (a fake)`);
});

test.each([
  [{}, '--max-semi-space-size=16', '2'],
  [
    { NODE_OPTIONS: '--max-semi-space-size=64', MALLOC_ARENA_MAX: '8' },
    '--max-semi-space-size=16 --max-semi-space-size=64',
    '8',
  ],
])('the memory of the server is bounded, unless the environment says otherwise: %j', async (given, node, arenas) => {
  vi.stubEnv('NODE_OPTIONS', undefined);
  vi.stubEnv('MALLOC_ARENA_MAX', undefined);
  for (const [name, value] of Object.entries(given)) vi.stubEnv(name, value);
  const up = await start();
  const { env } = await ask(up.url);
  expect([env.NODE_OPTIONS, env.MALLOC_ARENA_MAX]).toEqual([node, arenas]);
  const runner = await ask(up.runnerUrl);
  expect(runner.env.NODE_OPTIONS).toBe('NODE_OPTIONS' in given ? given.NODE_OPTIONS : undefined);
});

test('restartRunner starts another gpu-runner at the same address and leaves the server alone', async () => {
  const up = await start();
  const { serverPid, runnerPid } = up;
  await up.restartRunner();
  const { pid } = await ask(up.runnerUrl);
  expect(pid).toBe(up.runnerPid);
  expect([pid === runnerPid, up.serverPid, up.restarts]).toEqual([false, serverPid, { server: 0, runner: 1 }]);
});

test('a process that is killed or crashes starts again at its address', async () => {
  const up = await start();
  const { serverPid, runnerPid } = up;
  process.kill(serverPid ?? 0, 'SIGKILL');
  await until(() => up.restarts.server === 1 && up.serverPid !== undefined);
  await until(() =>
    ask(up.url)
      .then(({ pid }) => pid === up.serverPid)
      .catch(() => false),
  );
  expect(up.serverPid).not.toBe(serverPid);
  await fetch(`${up.runnerUrl}/crash`).catch(() => {});
  await until(() =>
    ask(up.runnerUrl)
      .then(({ pid }) => pid !== runnerPid)
      .catch(() => false),
  );
  expect(up.restarts).toEqual({ server: 1, runner: 1 });
});

test('stop ends the gpu-runner first, then the server, each by SIGTERM; a second stop changes nothing', async () => {
  const up = await start();
  const { serverPid, runnerPid } = up;
  await Promise.all([up.stop(), up.stop()]);
  expect(await read()).toEqual([
    `runner ${runnerPid} started`,
    `server ${serverPid} started`,
    `runner ${runnerPid} SIGTERM`,
    `server ${serverPid} SIGTERM`,
  ]);
  expect([up.serverPid, up.runnerPid]).toEqual([undefined, undefined]);
});

test('a server that cannot start is an error with its last lines, and the gpu-runner ends too', async () => {
  await expect(start({ env: { FAKE_EXIT: 'server' } })).rejects.toThrow(
    'the server did not start:\nthe fake cannot start',
  );
  expect((await read()).map(line => line.split(' ').toSpliced(1, 1).join(' '))).toEqual([
    'runner started',
    'runner SIGTERM',
  ]);
});

test('children end when their supervisor is killed', async () => {
  const child = spawn(process.execPath, [pathOf('./testing/up-process.ts')], {
    env: { PATH: process.env.PATH, FAKE_JOURNAL: journal },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { server, runner } = JSON.parse(line.toString()) as { server: number; runner: number };
  expect([isAlive(server), isAlive(runner)]).toEqual([true, true]);
  child.kill('SIGKILL');
  await until(() => !isAlive(server) && !isAlive(runner));
  expect(await read()).toEqual(expect.arrayContaining([`server ${server} orphaned`, `runner ${runner} orphaned`]));
});
