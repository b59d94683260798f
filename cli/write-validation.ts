/** @file Writes a validation into a folder, in the place of an earlier one. */
import { readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '../configs/make-folders.ts';
import { listSuiteFiles, RESULTS_FILE, readSuiteNames } from '../configs/suite-files.ts';
import { suiteSchema } from '../configs/validation-suite.ts';
import type { ApiClient } from './http.ts';

/**
 * The files of the view, also of tests that earlier calls made. Pictures of the validation that the folder had before
 * are removed, and nothing else.
 */
export async function writeValidation(api: Pick<ApiClient, 'bytes'>, document: string, folder: string): Promise<void> {
  const suite = suiteSchema.parse(JSON.parse(Buffer.from(await api.bytes(`/objects/${document}`)).toString()));
  const files = listSuiteFiles(suite);
  await removeEarlier(folder, new Set(files.map(({ name }) => name)));
  // The list of the pictures comes first: then the next call finds them all, also if this one is killed.
  for (const file of files) {
    const path = join(folder, file.name);
    await makeFolders(dirname(path));
    const content =
      'blob' in file ? await api.bytes(`/objects/${file.blob}`) : `${JSON.stringify(file.json, undefined, 1)}\n`;
    await writeFile(path, content);
  }
}

/** Removes the pictures that the results of an earlier validation name, and folders that are empty then. */
async function removeEarlier(folder: string, kept: ReadonlySet<string>): Promise<void> {
  const results = await readFile(join(folder, RESULTS_FILE), 'utf8').catch(() => '');
  const stale = readSuiteNames(results).filter(name => !kept.has(name));
  for (const name of stale) await rm(join(folder, name), { force: true });
  const folders = new Set(stale.map(name => dirname(name)).filter(name => name !== '.'));
  for (const name of folders) await rmdir(join(folder, name)).catch(() => {});
}
