/** @file Types every example that help prints, at a server that has what the examples name. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderSvgPng } from '../functions/pictures/image.ts';
import { mapBounded } from '../storage/map-bounded.ts';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import { runEasel } from './site/run-easel.ts';
import { PORTRAITS, smallExperiment } from './site/small-experiment.ts';

/** The example of `branch` begins at this step. */
const STEPS = 100;
const AT_ONCE = { width: 2 };
/** It prints the keys of a MinIO that must run; store.process.test.ts tries it. */
const NEEDS_MINIO = 'store env';

let site: Site;
let cache: Folder;
beforeAll(async () => {
  // Without XLA's compiler, which would take minutes for the card of an example.
  cache = await openFolder();
  site = await openSite({ env: { EASEL_CACHE: cache.folder, EASEL_IMPORT_ROOTS: cache.folder } });
  await drawPictures(join(cache.folder, 'my', 'pictures'));
  const wait = { prefer: 'wait=60' };
  const run = { chunk_steps: STEPS / 2, keep: 2, preview: { prompts: [] } };
  await site.expectJson(200, 'POST', '/functions/prepare', { ...PORTRAITS, dataset: 'portraits' }, wait);
  await site.expectJson(201, 'PUT', '/experiments/portraits', smallExperiment('portraits', run, {}, STEPS));
  await site.expectJson(200, 'POST', '/experiments/portraits/train', {}, wait);
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

/** The help of a command and of the commands below it. */
async function readHelps(command: readonly string[]): Promise<string[]> {
  const { stdout } = await easel(...command, '--help');
  const [, list] = stdout.split('COMMANDS\n');
  const below = [...(list ?? '').matchAll(/^ +([a-z-]+) {2,}\S/gm)].map(([, name = '']) => [...command, name]);
  const helps = await mapBounded(below, AT_ONCE, readHelps);
  return [stdout, ...helps.flat()];
}

/** Words after `easel`: of examples in brackets, and in lines for `eval`. Help of a command ends with its version. */
function findExamples(help: string): string[] {
  const inBrackets = [...help.matchAll(/\(easel ([^()]+)\)/g)].map(([, words = '']) => words);
  const evaluated = [...help.matchAll(/\$\(npm run -s easel -- ([^()]+)\)/g)].map(([, words = '']) => words);
  return [...inBrackets.filter(words => !/ ?v\d+\.\d+\.\d+$/.test(words)), ...evaluated];
}

test('every example that help prints works when it is typed', async () => {
  const examples = [...new Set((await readHelps([])).flatMap(findExamples))].filter(words => words !== NEEDS_MINIO);
  expect(examples.map(words => words.split(' ')[0]).sort()).toEqual([
    'branch',
    'call',
    'create',
    'diff',
    'export',
    'preflight',
    'prepare',
    'shard',
    'store',
    'verify-resume',
  ]);
  for (const words of examples) {
    // Nobody is there to say yes.
    const answers = words.startsWith('prepare ') ? ['--yes'] : [];
    expect(await easel(...words.split(' '), ...answers), words).toMatchObject({ code: 0 });
  }
}, 180_000);
