import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forkChild } from './fork-child.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-fork-child-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const moduleOf = (name: string) => JSON.stringify(new URL(name, import.meta.url));

async function write(name: string, script: string): Promise<URL> {
  const path = join(folder, name);
  await writeFile(path, script);
  return pathToFileURL(path);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const HANGS = `import { endWithParent } from ${moduleOf('./end-with-parent.ts')};
  endWithParent();
  process.send(process.pid, () => { for (;;); });`;

test('a process whose thread is blocked ends soon after its parent was killed', async () => {
  const program = await write('hangs.mjs', HANGS);
  const parent = await write(
    'parent.mjs',
    `import { forkChild } from ${moduleOf('./fork-child.ts')};
    const onMessage = pid => process.send(pid);
    forkChild({ program: new URL(${JSON.stringify(program)}), name: 'the child', onMessage });`,
  );
  const killed = fork(parent, { execArgv: [] });
  const [pid] = await once(killed, 'message');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  for (let i = 0; i < 100 && isAlive(pid); i++) await sleep(100);
  expect(isAlive(pid)).toBe(false);
});

test('a process whose thread is blocked ends when its request is given up', async () => {
  const started = Promise.withResolvers<unknown>();
  const program = await write('hangs.mjs', HANGS);
  const child = forkChild({ program, name: 'the child', onMessage: started.resolve });
  await started.promise;
  child.kill();
  expect(await child.ended).toEqual({ hasStarted: true, text: 'the child ended by SIGKILL' });
});

test('a process gets its task and arguments, and its last words are told with its end', async () => {
  const script = `process.once('message', task => process.send({ task, arg: process.argv[2] }, () => {
    console.error('enough');
    process.exit(3);
  }));`;
  const said: unknown[] = [];
  const { ended } = forkChild({
    ...{ program: await write('asks.mjs', script), args: ['first'], task: { n: 1 }, name: 'the child' },
    onMessage: message => void said.push(message),
  });
  expect(await ended).toEqual({ hasStarted: true, text: 'the child ended with status 3: enough' });
  expect(said).toEqual([{ task: { n: 1 }, arg: 'first' }]);
});

test('a process that ends before it reads its task is told like any other', async () => {
  const program = await write('ends.mjs', 'process.exit(0);');
  const { ended } = forkChild({ program, task: { n: 1 }, name: 'the child', onMessage() {} });
  expect(await ended).toEqual({ hasStarted: true, text: 'the child ended with status 0' });
});
