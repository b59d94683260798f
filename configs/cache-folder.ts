import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { expandHome } from './home-path.ts';

/** The cache folder when EASEL_CACHE is not set: ~/.cache/easel. */
export function defaultCacheFolder(): string {
  return join(homedir(), '.cache', 'easel');
}

/** EASEL_CACHE as an absolute path, or its default. */
export function cacheFolderOf(env: Readonly<Record<string, string | undefined>>): string {
  return env.EASEL_CACHE ? resolve(expandHome(env.EASEL_CACHE)) : defaultCacheFolder();
}
