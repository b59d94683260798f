/** @file Fills a folder that appears whole or not at all, whenever the process is killed. */
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolders } from '../configs/make-folders.ts';

/** Part of the name of a folder that a process fills; the process's id follows. */
const UNFINISHED = '.tmp-';

/**
 * Calls `fill` with a new folder beside `folder`, and moves it there.
 * @param isComplete Whether `folder` is complete: then another process was faster, and its folder stays.
 */
export async function fillFolder(
  folder: string,
  isComplete: () => boolean,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = await makeTemporary(`${folder}${UNFINISHED}`);
  try {
    await fill(temporary);
    if (!isComplete()) await replace(temporary, folder, isComplete);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function replace(temporary: string, folder: string, isComplete: () => boolean): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    if (!isComplete()) throw error;
  }
}

/**
 * Makes a folder whose path begins with `start`, and removes those that killed processes left behind.
 * @param start Path of a folder, and the beginning of a name.
 */
export async function makeTemporary(start: string): Promise<string> {
  const [parent, prefix] = [dirname(start), basename(start)];
  await makeFolders(parent, { hint: 'name another one by EASEL_CACHE' });
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
  return mkdtemp(`${start}${process.pid}-`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
