/** @file Writes the results of a grid into a folder, in the place of earlier ones. Files of others stay. */
import { join } from 'node:path';
import type { GridResult } from '../configs/grid.ts';
import { describeGround, gridRows, toMarkdown } from './format-grid.ts';
import type { ApiClient } from './http.ts';
import { checkFolder, isThere, readOwn, refuseForeign, replaceFile } from './own-files.ts';

/** Tells whose folder it is, and is written first. */
const RESULTS_FILE = 'results.json';
const OTHER_FILES = ['README.md', 'report.html', 'report.json'] as const;

/**
 * Makes the folder, or finds it as a grid left it.
 * @throws InvalidInput if nothing can be written there; if `results.json` is of something else; if another file that is
 * to be written is there without it.
 */
export async function checkGridFolder(folder: string): Promise<void> {
  await checkFolder(folder);
  if ((await readOwn(join(folder, RESULTS_FILE), isGridResult)) !== undefined) return;
  for (const name of OTHER_FILES) if (await isThere(join(folder, name))) throw refuseForeign(join(folder, name));
}

function isGridResult(text: string): boolean {
  try {
    return JSON.parse(text)?.kind === 'grid';
  } catch {
    return false;
  }
}

/** @throws InvalidInput before anything is written, if a file in the way is not of a grid. */
export async function writeGrid(
  api: Pick<ApiClient, 'bytes'>,
  folder: string,
  found: GridResult,
  about: string | undefined,
): Promise<void> {
  const { report, ...rest } = found;
  const lines = [
    ...(about === undefined ? [] : [about, '']),
    ...[`Trained on ${describeGround(found)}.`, '', report.sentence, ''],
    'report.html has the curves, the answers and the pictures; results.json the numbers of the runs.',
  ];
  const contents: Readonly<Record<(typeof OTHER_FILES)[number], string | Uint8Array>> = {
    'README.md': toMarkdown(found.name, lines, gridRows(found)),
    'report.html': await api.bytes(`/objects/${report.html}`),
    'report.json': await api.bytes(`/objects/${report.report}`),
  };
  await checkGridFolder(folder);
  await replaceFile(join(folder, RESULTS_FILE), `${JSON.stringify(rest, undefined, 1)}\n`);
  for (const name of OTHER_FILES) await replaceFile(join(folder, name), contents[name]);
}
