import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';

const PROGRAM = `
  import { listenForStop } from '${new URL('./stop-signals.ts', import.meta.url)}';
  const asked = listenForStop();
  console.log('up');
  setInterval(() => {}, 1000);
  console.log(await asked);
  await new Promise(resolve => setTimeout(resolve, 3000));
  process.exit(7);
`;

/** Sends SIGINT to a process that takes three seconds to end in order. @returns How the process ended. */
async function interrupt(pausesMs: readonly number[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', chunk => {
    said += String(chunk);
  });
  const closed = once(child, 'close');
  while (!said.includes('up')) await sleep(10);
  for (const ms of pausesMs) {
    await sleep(ms);
    child.kill('SIGINT');
  }
  await closed;
  return { code: child.exitCode, said };
}

test('one press of Ctrl-C that arrives twice counts once, and the command ends in order', async () => {
  expect(await interrupt([0, 20])).toEqual({ code: 7, said: 'up\nSIGINT\n' });
});

test('a second press of Ctrl-C ends the command at once', async () => {
  expect(await interrupt([0, 1500])).toMatchObject({ code: 130 });
});
