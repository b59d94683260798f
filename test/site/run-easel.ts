/** @file The `easel` command as a user types it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const EASEL = fileURLToPath(new URL('../../bin/easel.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end, with nothing in its environment but the PATH and what is given. */
export function runEasel(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ran> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env;
  const options = {
    env: { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }), NO_COLOR: '1', ...env },
    ...(cwd !== undefined && { cwd }),
  };
  return new Promise(resolve => {
    const child = execFile(process.execPath, [EASEL, ...words], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
