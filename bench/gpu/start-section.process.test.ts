import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Row } from './run-sections.ts';
import { startSection } from './start-section.ts';

/** Rows and ending of a section whose program is this text. */
async function start(text: string, milliseconds = 20_000, env: Record<string, string> = {}) {
  const program = join(await mkdtemp(join(tmpdir(), 'easel-section-')), 'section.mjs');
  await writeFile(program, text);
  const rows: Row[] = [];
  const options = { program, env };
  const ending = await startSection({ name: 'toy', seconds: 20 }, milliseconds, row => rows.push(row), options);
  return { rows, ending };
}

it('the rows of a section arrive, and other lines are left out', async () => {
  const { rows, ending } = await start(
    `console.log('log of a library'); console.log(JSON.stringify({ name: process.argv[2], x: process.env.X }));`,
    20_000,
    { X: '1' },
  );
  expect([rows, ending]).toEqual([[{ name: 'toy', x: '1' }], { how: 'done' }]);
});

it('a section that hangs is cut off, and its rows remain', async () => {
  const { rows, ending } = await start(`console.log('{"x":1}'); setInterval(() => {}, 1000);`, 1500);
  expect([rows, ending]).toEqual([[{ x: 1 }], { how: 'cut', reason: 'after 1.5 s of 20 s' }]);
});

it('a section that crashes or throws says so in one line', async () => {
  const crashed = await start(`console.error('bad plugin'); process.kill(process.pid, 'SIGSEGV');`);
  expect(crashed.ending).toEqual({ how: 'failed', reason: 'SIGSEGV: bad plugin' });
  const thrown = await start(`throw new TypeError('no such device');`);
  expect(thrown.ending).toEqual({ how: 'failed', reason: 'status 1: TypeError: no such device' });
});
