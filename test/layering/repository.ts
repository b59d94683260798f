/** @file Lists the files of the repository. */
import { readdirSync } from 'node:fs';

export const ROOT = new URL('../../', import.meta.url);

/** Git-ignored, and so not part of the repository. */
const IGNORED = ['node_modules', 'data/store', 'data/minio', 'data/minio-demo', 'infra/secrets', 'out'];

/**
 * Paths from the root, with "/", of the files below `folder` that end in `extension`. Skips folders that start with a
 * dot.
 * @param folder Empty, or with a "/" at its end.
 */
export function listFiles(extension: string, folder = ''): string[] {
  return readdirSync(new URL(folder, ROOT), { withFileTypes: true }).flatMap(entry => {
    const path = folder + entry.name;
    if (!entry.isDirectory()) return path.endsWith(extension) ? [path] : [];
    return entry.name.startsWith('.') || IGNORED.includes(path) ? [] : listFiles(extension, `${path}/`);
  });
}
