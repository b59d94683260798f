/**
 * @file Files that a command writes where it is told to. Whether it can is found out before the work, which may take
 * hours, and no file of others is overwritten.
 */
import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '../configs/make-folders.ts';
import { InvalidInput } from '../errors.ts';

/** Makes the folder if it is missing, and writes a file into it for a moment. @throws InvalidInput */
export async function checkFolder(folder: string): Promise<void> {
  await makeFolders(folder, { hint: 'name another folder' });
  const trial = join(folder, `.easel-${process.pid}`);
  try {
    await writeFile(trial, '');
    await rm(trial);
  } catch (cause) {
    throw new InvalidInput(`nothing can be written into ${folder}: ${cause instanceof Error ? cause.message : cause}`, {
      ...{ expected: 'a folder in which this user may write', hint: 'name another folder', cause },
    });
  }
}

/**
 * The text of a file that a command replaces.
 * @param isOurs Whether the command has written this text. @returns Undefined: there is no file.
 * @throws InvalidInput for a file that cannot be read, or that is not ours.
 */
export async function readOwn(path: string, isOurs: (text: string) => boolean): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (isOurs(text)) return text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  }
  throw refuseForeign(path);
}

/** A page of a comparison, or no file, in a folder that takes files. @throws InvalidInput */
export async function checkReportFile(file: string): Promise<void> {
  await checkFolder(dirname(file));
  await readOwn(file, text => text.includes('<p class="kind">Comparison</p>'));
}

/** For a file that the command has not written. */
export function refuseForeign(path: string): InvalidInput {
  return new InvalidInput(`${path} is there, and is not of an earlier call of this command`, {
    expected: 'a place where nothing of yours is overwritten',
    hint: 'name another place, or move it away',
  });
}

/** Writes a file whole or not at all: half of it would not be known again as ours. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const unfinished = `${path}.easel-${process.pid}`;
  await writeFile(unfinished, text, { flag: 'wx' });
  await rename(unfinished, path);
}

/** Whether there is a file, a folder or a link, of whatever kind. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
