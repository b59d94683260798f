/** @file Types every example that help prints, at a server that has what the examples name. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type CommandDef, type Resolvable, renderUsage } from 'citty';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { easelCommand } from '../cli/command-tree.ts';
import { fitUsage } from '../cli/show-usage.ts';
import { renderSvgPng } from '../functions/pictures/image.ts';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import { runEasel } from './site/run-easel.ts';
import { PORTRAITS, smallExperiment } from './site/small-experiment.ts';

/** The example of `branch` begins at this step. */
const STEPS = 100;
/** One of them is held out, for the example of `validate`. */
const PICTURES = 40;
/** It prints the keys of a MinIO that must run; store.process.test.ts tries it. */
const NEEDS_MINIO = 'store env';
/** Nobody is there to say yes; and test/reproduce.test.ts makes pictures again. */
const ADDED: Readonly<Record<string, readonly string[]>> = { prepare: ['--yes'], reproduce: ['--plan'] };

let site: Site;
let cache: Folder;
beforeAll(async () => {
  // Without XLA's compiler, which would take minutes for the card of an example.
  cache = await openFolder();
  site = await openSite({ env: { EASEL_CACHE: cache.folder, EASEL_IMPORT_ROOTS: cache.folder } });
  await drawPictures(join(cache.folder, 'my', 'pictures'));
  const wait = { prefer: 'wait=60' };
  const run = { chunk_steps: STEPS / 2, keep: 2, preview: { prompts: [] } };
  await site.expectJson(
    200,
    'POST',
    '/functions/prepare',
    { ...PORTRAITS, dataset: 'portraits', count: PICTURES },
    wait,
  );
  await site.expectJson(201, 'PUT', '/experiments/portraits', smallExperiment('portraits', run, {}, STEPS));
  await site.expectJson(200, 'POST', '/experiments/portraits/train', {}, wait);
  const request = { model: 'portraits', prompt: 'a hat', steps: 2, seed: 1 };
  const { bytes } = await site.send('POST', '/sample', request, { accept: 'image/png', prefer: 'wait=60' });
  await writeFile(join(cache.folder, 'preview.png'), bytes);
});
afterAll(async () => {
  await site?.close();
  await cache.remove();
});

const easel = (...words: readonly string[]) =>
  runEasel(words, { EASEL_URL: site.easel.url, EASEL_STORE: site.place.url }, cache.folder);

/** The folder of the example of `prepare`. */
async function drawPictures(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const color of ['red', 'teal', 'gold', 'navy', 'pink', 'grey']) {
    const [left, right] = [`<rect width="40" height="80" fill="${color}"/>`, `<circle cx="60" cy="40" r="9"/>`];
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80">${left}${right}</svg>`;
    await writeFile(join(folder, `${color}.png`), await renderSvgPng(svg));
    await writeFile(join(folder, `${color}.txt`), `half of it is ${color}`);
  }
}

/** The help of a command and of the commands below it, as `--help` prints it. */
async function renderHelps(command: CommandDef, parent?: CommandDef): Promise<string[]> {
  const below: CommandDef[] = [];
  for (const each of Object.values((await resolve(command.subCommands)) ?? {})) below.push(await resolve(each));
  const helps = await Promise.all(below.map(each => renderHelps(each, command)));
  return [stripVTControlCharacters(await renderUsage(command, parent)), ...helps.flat()];
}

/** Of a promise, or of a function that gives one. */
async function resolve<T>(given: Resolvable<T>): Promise<T> {
  return typeof given === 'function' ? (given as () => T | Promise<T>)() : given;
}

/** Words after `easel`: of examples in brackets, and in lines for `eval`. Help of a command ends with its version. */
function findExamples(help: string): string[] {
  const inBrackets = [...help.matchAll(/\(easel ([^()]+)\)/g)].map(([, words = '']) => words);
  const evaluated = [...help.matchAll(/\$\(npm run -s easel -- ([^()]+)\)/g)].map(([, words = '']) => words);
  return [...inBrackets.filter(words => !/ ?v\d+\.\d+\.\d+$/.test(words)), ...evaluated];
}

test('every example that help prints works when it is typed', async () => {
  const helps = await renderHelps(easelCommand);
  expect(helps.length).toBeGreaterThan(25);
  expect((await easel('--help')).stdout.trim()).toBe(fitUsage(helps[0] ?? ''));
  const examples = [...new Set(helps.flatMap(findExamples))].filter(words => words !== NEEDS_MINIO);
  expect(examples.map(words => words.split(' ')[0]).sort()).toEqual([
    'branch',
    'call',
    'create',
    'diff',
    'export',
    'preflight',
    'prepare',
    'report',
    'reproduce',
    'shard',
    'store',
    'validate',
    'verify-resume',
    'why',
  ]);
  for (const words of examples) {
    const [command = ''] = words.split(' ');
    expect(await easel(...words.split(' '), ...(ADDED[command] ?? [])), words).toMatchObject({ code: 0 });
  }
}, 180_000);
