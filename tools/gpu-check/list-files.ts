/** @file Lists the files of ours that some programs need: those that they import, and those that they start. */
import { posix } from 'node:path';

/** Imports of values. Node strips those of types alone, and what they import is not needed. */
const STATIC =
  /^[ \t]*(?:import|export)\b(?!\s+type\b)[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^[ \t]*import\s*['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;
/** A program or a file that is named relative to the module. */
const RELATIVE_URL = /new URL\(\s*['"](\.[^'"]*\.\w+)['"]/g;

export interface FileList {
  /** Paths from the root, sorted. */
  readonly files: readonly string[];
  /** Names of npm packages, sorted. */
  readonly packages: readonly string[];
}

/**
 * @param entries Paths from the root. @param read The text of a path, undefined if it does not exist.
 * @param followsDynamic Whether the dynamic imports of a file are needed: engines are imported that no program opens.
 */
export function listNeededFiles(
  entries: readonly string[],
  read: (path: string) => string | undefined,
  followsDynamic: (path: string) => boolean,
): FileList {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    const text = read(path);
    if (text === undefined) throw new Error(`${path} is imported and does not exist`);
    files.add(path);
    if (!/\.[jt]s$/.test(path)) return;
    const imports = [STATIC, ...(followsDynamic(path) ? [DYNAMIC] : [])].flatMap(pattern => findAll(text, pattern));
    for (const specifier of [...imports, ...findAll(text, RELATIVE_URL)]) {
      if (specifier.startsWith('.')) visit(posix.join(posix.dirname(path), specifier));
      else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier));
    }
  };
  for (const entry of entries) visit(entry);
  return { files: [...files].sort(), packages: [...packages].sort() };
}

function findAll(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(match => match[1] ?? match[2] ?? '');
}

/** `@scope/name/file` is in `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
