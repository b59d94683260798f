/** @file Writes a validation into a folder, in the place of an earlier one. Files that are not of one stay. */
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '../configs/make-folders.ts';
import { isPictureName, isSuiteResults, listSuiteFiles, RESULTS_FILE, readSuiteNames } from '../configs/suite-files.ts';
import { suiteSchema } from '../configs/validation-suite.ts';
import type { ApiClient } from './http.ts';
import { checkFolder, isThere, readOwn, refuseForeign, replaceFile } from './own-files.ts';

/**
 * Makes the folder, or finds it as a validation left it.
 * @throws InvalidInput if nothing can be written there; if `results.json` is of something else; if there is a picture
 * with a name as a validation gives, which `results.json` does not tell of.
 */
export async function checkValidationFolder(folder: string): Promise<void> {
  await checkFolder(folder);
  const own = await readOwnNames(folder);
  const foreign = (await listPictures(folder)).find(name => !own.has(name));
  if (foreign !== undefined) throw refuseForeign(join(folder, foreign));
}

/** Names, relative to the folder, as those that a validation gives. */
async function listPictures(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const isOfDraw = entry.isDirectory() && isPictureName(`${entry.name}/0.png`);
    const below = isOfDraw ? await readdir(join(folder, entry.name)) : [];
    names.push(entry.name, ...below.map(name => `${entry.name}/${name}`));
  }
  return names.filter(isPictureName);
}

/**
 * The files of the view, also of tests that earlier calls made. Pictures of the validation that the folder had before
 * are removed, and nothing else.
 * @throws InvalidInput before anything is written, if a file in the way is not of a validation.
 */
export async function writeValidation(api: Pick<ApiClient, 'bytes'>, document: string, folder: string): Promise<void> {
  const suite = suiteSchema.parse(JSON.parse(Buffer.from(await api.bytes(`/objects/${document}`)).toString()));
  const files = listSuiteFiles(suite);
  const own = await readOwnNames(folder);
  for (const { name } of files) {
    if (name !== RESULTS_FILE && !own.has(name) && (await isThere(join(folder, name)))) {
      throw refuseForeign(join(folder, name));
    }
  }
  await removeEarlier(folder, own, new Set(files.map(({ name }) => name)));
  // The list of the pictures comes first: then the next call finds them all, also if this one is killed.
  for (const file of files) {
    const path = join(folder, file.name);
    await makeFolders(dirname(path));
    const content = 'blob' in file ? await api.bytes(`/objects/${file.blob}`) : toText(file.json);
    await replaceFile(path, content);
  }
}

function toText(json: unknown): string {
  return `${JSON.stringify(json, undefined, 1)}\n`;
}

/** Pictures of the validation that is there. @throws InvalidInput if `results.json` is of something else. */
async function readOwnNames(folder: string): Promise<ReadonlySet<string>> {
  const results = await readOwn(join(folder, RESULTS_FILE), isSuiteResults);
  return new Set(results === undefined ? [] : readSuiteNames(results));
}

/** Removes pictures of an earlier validation, and folders that are empty then. */
async function removeEarlier(folder: string, own: ReadonlySet<string>, kept: ReadonlySet<string>): Promise<void> {
  const stale = [...own].filter(name => !kept.has(name));
  for (const name of stale) await rm(join(folder, name), { force: true });
  const folders = new Set(stale.map(name => dirname(name)).filter(name => name !== '.'));
  for (const name of folders) await rmdir(join(folder, name)).catch(() => {});
}
