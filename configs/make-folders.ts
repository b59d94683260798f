import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InvalidInput } from '../errors.ts';
import { isFolder } from './is-folder.ts';

/** Another process may remove an empty parent just before. */
const ATTEMPTS = 10;

export interface FolderOptions {
  /** Mode of the folders that are made. */
  readonly mode?: number;
  /** What to do if the folder cannot be made. */
  readonly hint?: string;
}

/** As {@link makeWithParents}. @throws InvalidInput with the system's error as cause. */
export async function makeFolders(path: string, { mode, hint }: FolderOptions = {}): Promise<string | undefined> {
  try {
    return await makeWithParents(path, mode);
  } catch (cause) {
    throw new InvalidInput(`the folder ${path} cannot be made: ${cause instanceof Error ? cause.message : cause}`, {
      ...{ expected: 'a folder that this user may make and write', cause },
      ...(hint !== undefined && { hint }),
    });
  }
}

/**
 * Makes a folder and its missing parents. `mkdir` with `recursive` would try for ever below /proc.
 * @returns The first folder that was made; undefined if the folder was there. @throws The system's error.
 */
export async function makeWithParents(path: string, mode?: number): Promise<string | undefined> {
  const folder = resolve(path);
  const parent = dirname(folder);
  let first: string | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(folder, mode);
      return first ?? folder;
    } catch (error) {
      if (await isFolder(folder)) return first;
      const isParentMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isParentMissing || parent === folder || attempt === ATTEMPTS) throw error;
    }
    first = (await makeWithParents(parent, mode)) ?? first;
  }
}
