/** @file Failures of the file system as errors that name keys: on another machine, paths say nothing. */
import { relative, sep } from 'node:path';
import { Conflict, InvalidInput, StoreDenied, StoreFull, Unreachable } from '../../../errors.ts';
import { RESERVED_FOLDER } from '../../keys.ts';

/** Wait before a retry when the disk is full. */
const FULL_RETRY_SECONDS = 60;
/** The disk or network file system fails: an operation in progress may or may not have happened. */
const FAILING = new Set(['EIO', 'ESTALE', 'ETIMEDOUT', 'ENODEV']);
/** A file lies where a folder is needed, or a folder where a file is. */
const IN_THE_WAY = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY']);

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

export const isFailing = (error: unknown): boolean => FAILING.has(codeOf(error) ?? '');
export const isInTheWay = (error: unknown): boolean => IN_THE_WAY.has(codeOf(error) ?? '');

/** The key of a file or folder of the store; the reserved folder for all files in it. */
export function keyOf(root: string, path: string): string {
  const key = relative(root, path).split(sep).join('/');
  return key === RESERVED_FOLDER || key.startsWith(`${RESERVED_FOLDER}/`) ? RESERVED_FOLDER : key;
}

/** @param reason Which other key stands in the way. */
export function refuseKey(reason: string): InvalidInput {
  return new InvalidInput(reason, {
    expected: 'a key that is no folder of another key',
    hint: 'choose another name, or delete the object there; on a file system a name is a file or a folder',
  });
}

/** Translates the failure of a step before publication, which changed nothing. */
export function explain(error: unknown, key: string): unknown {
  if (isFailing(error)) {
    return new Unreachable(`the disk of the store fails at "${key}" (${codeOf(error)})`, {
      cause: error,
      hint: "look at the system's log; the same call goes on when the disk answers again",
    });
  }
  if (isInTheWay(error)) return refuseKey(`the key "${key}" is a folder of other keys, or lies below another key`);
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreFull('the disk of the store is full', {
        cause: error,
        hint: 'free some space (with gc, or outside the store), then send the same call again: it goes on',
        retryAfterSeconds: FULL_RETRY_SECONDS,
      });
    case 'EROFS':
      return new StoreDenied(`"${key}" is on a read-only file system`, {
        cause: error,
        expected: 'a writable store',
        hint: 'mount it for writing; the system often makes a failing disk read-only, and logs why',
      });
    case 'EACCES':
    case 'EPERM':
      return new StoreDenied(`"${key}" cannot be accessed (${codeOf(error)})`, {
        cause: error,
        expected: 'a store whose files belong to the user that runs Easel',
        hint: 'check owner and mode of the folder',
      });
    case 'EMFILE':
    case 'ENFILE':
      return new Conflict('too many files are open', { cause: error, hint: 'retry, or raise "ulimit -n"' });
    case 'ENOENT':
      return new Conflict(`"${key}" vanished while it was written`, { cause: error, hint: 'retry' });
    default:
      return error;
  }
}
