import { stat } from 'node:fs/promises';

/** Whether a folder is there, or a link to one. False if the path cannot be read. */
export function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
}
