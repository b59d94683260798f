import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { gridResultSchema } from '../configs/grid.ts';
import { checkGridFolder, writeGrid } from './write-grid.ts';

const FOUND = gridResultSchema.parse({
  ...{
    v: 1,
    kind: 'grid',
    name: 'rates',
    dataset: 'sha256:0',
    dataset_name: 'cats',
    engine: 'reference f32',
    runs: [],
  },
  report: { folder: 'reports/rates', html: 'sha256:1', report: 'sha256:2', sentence: 'No arm is better.' },
});
const api = { bytes: async (path: string) => new TextEncoder().encode(path) };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-grid-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});
const read = (name: string) => readFile(join(folder, name), 'utf8');
const write = () => writeGrid(api, folder, FOUND, 'Which rate?');

test('a grid is written, and written again in its place', async () => {
  await checkGridFolder(folder);
  await write();
  await writeFile(join(folder, 'README.md'), 'of an earlier call');
  await checkGridFolder(folder);
  await write();
  expect((await readdir(folder)).sort()).toEqual(['README.md', 'report.html', 'report.json', 'results.json']);
  expect(await read('report.html')).toBe('/objects/sha256:1');
  expect(await read('README.md')).toContain('Which rate?');
  expect(JSON.parse(await read('results.json'))).toMatchObject({ kind: 'grid', name: 'rates' });
});

test.each([
  ['README.md', '# My project'],
  ['report.html', '<p>mine</p>'],
  ['results.json', '{"kind":"validation-suite"}'],
  ['results.json', 'not JSON'],
])('a folder with another %s is refused, and stays as it is', async (name, text) => {
  await writeFile(join(folder, name), text);
  await expect(checkGridFolder(folder)).rejects.toThrow(`${name} is there, and is not of an earlier call`);
  await expect(write()).rejects.toThrow('is not of an earlier call');
  expect(await readdir(folder)).toEqual([name]);
  expect(await read(name)).toBe(text);
});

test('a call that was killed between its files goes on', async () => {
  await writeFile(join(folder, 'results.json'), JSON.stringify({ kind: 'grid' }));
  await write();
  expect(await read('report.json')).toBe('/objects/sha256:2');
});

test('a link among the files of a grid is replaced, and the file to which it leads stays', async () => {
  const letter = join(folder, 'letter');
  await writeFile(letter, 'mine');
  await writeFile(join(folder, 'results.json'), JSON.stringify({ kind: 'grid' }));
  for (const name of ['README.md', 'report.html']) await symlink(letter, join(folder, name));
  await write();
  expect(await read('letter')).toBe('mine');
  expect(await read('report.html')).toBe('/objects/sha256:1');
});
