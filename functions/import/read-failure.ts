/** @file Why the system does not let the server read something, told by the code of its error. */
import { Busy, Conflict, Unprocessable } from '../../errors.ts';

const DENIED = 'the server runs as a user who may not read it';
const NO_ANSWER = 'the drive that it lies on does not answer';

/** What is wrong with one file or folder. */
const CAUSES: Readonly<Record<string, string>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EIO: 'the disk reports an error',
  EREMOTEIO: 'the disk reports an error',
  ENODEV: NO_ANSWER,
  ENXIO: NO_ANSWER,
  ENOTCONN: NO_ANSWER,
  ESTALE: NO_ANSWER,
  ETIMEDOUT: NO_ANSWER,
  EHOSTDOWN: NO_ANSWER,
  EHOSTUNREACH: NO_ANSWER,
  EBUSY: 'another program holds it',
  ENAMETOOLONG: 'its path is longer than the system allows',
  ELOOP: 'a link that leads in a circle',
};

/** What an import advises whose source is written at the same time. */
export const READ_AGAIN = 'repeat the call while nothing writes to the source';

/** The error of a file that is not the one that was found first. */
export function changedMeanwhile(name: string, cause?: unknown): Conflict {
  return new Conflict(`"${name}" changed while it was imported`, {
    ...(cause !== undefined && { cause }),
    hint: READ_AGAIN,
  });
}

/** What is wrong with the server: it cannot read anything now. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** A file of a source that cannot be read. The others can. */
export class Unreadable extends Unprocessable {
  readonly reason: string;

  constructor(name: string, cause: unknown) {
    const reason = reasonOf(cause);
    super(`"${name}" is ${reason}`, { cause, hint: 'let the server read it, or take it out of the source' });
    this.reason = reason;
  }
}

/** The bytes of a file, or why it cannot be read: then the source goes on without it. */
export function tryRead({ read }: { read(): Promise<Uint8Array> }): Promise<Uint8Array | Unreadable> {
  return read().catch((error: unknown) => {
    if (error instanceof Unreadable) return error;
    throw error;
  });
}

/** The code of an error of the system, such as EACCES. @throws the error itself if it has no code. */
export function systemCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}

export function isDenied(code: string): boolean {
  return CAUSES[code] === DENIED;
}

/**
 * 'not readable: the disk reports an error (EIO)'.
 * @throws Busy if the server is out of memory or open files: then nothing is wrong with what it reads.
 */
export function reasonOf(error: unknown): string {
  const code = systemCode(error);
  if (EXHAUSTED.has(code)) {
    throw new Busy(`the server has no memory or open files left (${code})`, {
      expected: 'a server that can open another file',
      hint: 'repeat the call when less runs at once',
      cause: error,
    });
  }
  return `not readable: ${CAUSES[code] ?? 'the system gives no reason but a code'} (${code})`;
}
