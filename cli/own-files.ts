/**
 * @file Files that a command writes where it is told to. Whether it can is found out before the work, which may take
 * hours, and no file of others is overwritten.
 */
import { lstat, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '../configs/make-folders.ts';
import { InvalidInput } from '../errors.ts';

/** Makes the folder if it is missing, and writes a file into it for a moment. @throws InvalidInput */
export async function checkFolder(folder: string): Promise<void> {
  if (folder === '') throw new InvalidInput('"" is no folder', { expected: 'the name of a folder; . is this one' });
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
  if (!(await isThere(path))) return undefined;
  try {
    // A pipe or a terminal would be waited for.
    const text = (await stat(path)).isFile() ? await readFile(path, 'utf8') : undefined;
    if (text !== undefined && isOurs(text)) return text;
  } catch {
    // A link to nothing is a link of somebody, and is refused like a file that cannot be read.
  }
  throw refuseForeign(path);
}

/** A page of a comparison, or no file, in a folder that takes files. @throws InvalidInput */
export async function checkReportFile(file: string): Promise<void> {
  if (/(^|\/)\.{0,2}$/.test(file)) {
    throw new InvalidInput(`"${file}" names a folder`, { expected: 'the name of a file, such as report.html' });
  }
  await checkFolder(dirname(file));
  await readOwn(file, isReportPage);
}

function isReportPage(text: string): boolean {
  return text.includes('<p class="kind">Comparison</p>');
}

/**
 * Writes the page of a comparison; through a link into the page that it leads to.
 * @throws InvalidInput if a file of others has come there meanwhile.
 */
export async function writeReportPage(file: string, page: Uint8Array): Promise<void> {
  const earlier = await readOwn(file, isReportPage);
  await replaceFile(earlier === undefined ? file : await realpath(file), page);
}

/** For a file that the command has not written. */
export function refuseForeign(path: string): InvalidInput {
  return new InvalidInput(`${path} is there, and is not of an earlier call of this command`, {
    expected: 'a place where nothing of yours is overwritten',
    hint: 'name another place, or move it away',
  });
}

/**
 * Writes a file whole or not at all: half of it would not be known again as ours. A link is replaced, and not the file
 * to which it leads. @throws InvalidInput if it cannot be written, such as on a full disk.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.easel-${process.pid}`;
  try {
    await writeFile(unfinished, content, { flag: 'wx' });
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw new InvalidInput(`${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`, {
      ...{ expected: 'room, and a place where this user may write', cause },
      hint: 'the results are in the store: the same call with another place computes nothing',
    });
  }
}

/** Whether there is a file, a folder or a link, of whatever kind. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
