/** @file Fills a folder that appears whole or not at all, whenever the process is killed. */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

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
  await mkdir(dirname(folder), { recursive: true });
  await removeAbandoned(folder);
  const temporary = await mkdtemp(`${folder}${UNFINISHED}${process.pid}-`);
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

/** Removes folders that killed processes left behind. */
async function removeAbandoned(folder: string): Promise<void> {
  const prefix = `${basename(folder)}${UNFINISHED}`;
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix) || isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
