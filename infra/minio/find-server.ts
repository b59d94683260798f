/** @file Finds the MinIO server that runs on a folder. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MOST_BYTES = 2 ** 24;

/**
 * @returns The process id from the system's process list; undefined if no server runs, or the system has no list.
 * @param folder Absolute, as on the command line of the server.
 */
export async function findServer(folder: string): Promise<number | undefined> {
  const list = await run('ps', ['-A', '-ww', '-o', 'pid=,args='], { maxBuffer: MOST_BYTES }).catch(() => undefined);
  const line = list?.stdout.split('\n').find(each => each.includes(` server ${folder} --address `));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}
