/** @file The wrapper that runs a command by another Node. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

const MODULE = JSON.stringify(new URL('./own-node.js', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-own-node-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const WRAPPER = `import { runInstead } from ${MODULE}; await runInstead(process.execPath, INNER);`;

/** Runs a script in a wrapper, and waits until it says that it is up. */
async function wrap(script: string, wrapperScript = WRAPPER, env = process.env) {
  const [inner, outer] = [join(folder, 'inner.mjs'), join(folder, 'outer.mjs')];
  await writeFile(inner, `import { endWithWrapper } from ${MODULE}; endWithWrapper(); ${script}`);
  await writeFile(outer, wrapperScript.replace('INNER', JSON.stringify([inner, 'word'])));
  const wrapper = spawn(process.execPath, [outer], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let said = '';
  wrapper.stdout.on('data', chunk => {
    said += String(chunk);
  });
  const ended = once(wrapper, 'close');
  while (!said.includes('up')) await sleep(10);
  return { wrapper, ended, said: () => said };
}

/** A command that says its words, and ends in order in half a second with status 7. */
const ENDS_IN_ORDER = `
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => {
    console.log(signal);
    setTimeout(() => { console.log('ended'); process.exit(7); }, 500);
  });
  setInterval(() => {}, 1000);
  console.log('up', process.argv.slice(2).join());`;

test.each(['SIGTERM', 'SIGINT'] as const)('a wrapper passes %s on, waits, and ends as its command', async signal => {
  const { wrapper, ended, said } = await wrap(ENDS_IN_ORDER);
  wrapper.kill(signal);
  expect(await ended).toEqual([7, null]);
  expect(said()).toBe(`up word\n${signal}\nended\n`);
});

test('a command ends in order when its wrapper is killed', async () => {
  const { wrapper, ended, said } = await wrap(ENDS_IN_ORDER);
  wrapper.kill('SIGKILL');
  // The pipe closes when the command has ended.
  await ended;
  expect(said()).toBe('up word\nSIGTERM\nended\n');
});

test('a command ends in order when npm is killed, which is its parent, not a shell', async () => {
  const { scripts } = packageJson;
  for (const name of ['easel', 'demo', 'soak', 'test:crash'] as const) expect(scripts[name]).toMatch(/^exec node /);
  const npm = "import { spawn } from 'node:child_process'; spawn(process.execPath, INNER, { stdio: 'inherit' });";
  const env = { ...process.env, npm_lifecycle_script: scripts.easel };
  const { wrapper, ended, said } = await wrap(ENDS_IN_ORDER, npm, env);
  wrapper.kill('SIGKILL');
  await ended;
  expect(said()).toBe('up word\nSIGTERM\nended\n');
});

test('a wrapper ends by the signal that ended its command', async () => {
  const { ended } = await wrap("console.log('up'); process.kill(process.pid, 'SIGKILL');");
  expect(await ended).toEqual([null, 'SIGKILL']);
});

test('a command that has nothing left to do ends', async () => {
  const { ended } = await wrap("console.log('up');");
  expect(await ended).toEqual([0, null]);
});
