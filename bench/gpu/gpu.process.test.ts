import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findPlugin } from '../../gpu-runner/engines/xla/library.ts';
import { runsTier } from '../../test/tiers.ts';

const ROOT = new URL('../../', import.meta.url);
const found = findPlugin('cpu');
const runs = runsTier('xla', found.missing);

async function runBench(plugin: string, ...args: string[]) {
  const cwd = await mkdtemp(join(tmpdir(), 'easel-bench-'));
  const script = fileURLToPath(new URL('tools/gpu-check.sh', ROOT));
  return promisify(execFile)('bash', [script, ...args], { cwd, env: { ...process.env, PLUGIN: plugin } });
}

it('without a plugin the script says so in one line, and ends', async () => {
  const { stdout } = await runBench('/nowhere/plugin.so', '--only', 'device');
  expect(stdout).toMatch(
    /^there is no plugin at PLUGIN=\/nowhere\/plugin.so\nonly what runs without a plugin is measured$/m,
  );
});

it('an unknown section is refused with the known ones', async () => {
  await expect(runBench('/nowhere/plugin.so', '--only', 'devices')).rejects.toThrow('expected some of device,calls,');
});

it.skipIf(!runs)('sections on the plugin for the CPU print objects, and nothing else with --json', async () => {
  const { stdout } = await runBench(found.path ?? '', '--only', 'device,calls,target', '--json');
  const rows: Record<string, unknown>[] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line));
  expect(rows.every(({ bench }) => bench === 'gpu')).toBe(true);
  expect(rows).toContainEqual(expect.objectContaining({ section: 'device', platform: 'cpu' }));
  expect(rows).toContainEqual(expect.objectContaining({ donated_in_place: true, argument_is_dead: true }));
  expect(rows.filter(row => 'end' in row).map(({ section, end }) => [section, end])).toEqual([
    ['device', 'done'],
    ['calls', 'done'],
    ['target', 'done'],
  ]);
});
