/**
 * @file Turns an error into plain JSON and back: for threads, events of the gpu-runner and stored runs. Over HTTP the
 * same fields travel in a problem document (formats/problem.ts).
 */
import { z } from 'zod';
import {
  Ambiguous,
  AppError,
  type AppErrorOptions,
  BlobMissing,
  Busy,
  Cancelled,
  Conflict,
  Corrupt,
  type ErrorDetails,
  Forbidden,
  Internal,
  InvalidInput,
  NotFound,
  OutOfMemory,
  PayloadTooLarge,
  PreconditionFailed,
  StoreDenied,
  StoreFull,
  Unauthorized,
  Unprocessable,
  Unreachable,
  UnsupportedMediaType,
} from './errors.ts';

/** The fields of {@link AppError}; `code` stands for the class. */
export const wireErrorSchema = z.object({
  code: z.string(),
  status: z.int(),
  message: z.string(),
  expected: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  /** Absent: the error has none, or JSON cannot hold them, or they are nested too deeply. */
  details: z.record(z.string(), z.json()).exactOptional(),
  retryable: z.boolean(),
  retry_after_seconds: z.number().exactOptional(),
});
export type WireError = Readonly<z.infer<typeof wireErrorSchema>>;

/**
 * Describes any thrown value. A value that is not an AppError is a defect: it becomes `internal`, without its stack.
 */
export function describeError(error: unknown): WireError {
  const known = error instanceof AppError ? error : defect(error);
  const details = jsonOf(known.details);
  const seconds = known.retryAfterSeconds;
  return {
    code: known.code,
    status: known.status,
    message: known.message,
    ...(known.expected !== undefined && { expected: known.expected }),
    ...(known.hint !== undefined && { hint: known.hint }),
    ...(Object.keys(details).length > 0 && { details }),
    retryable: known.retryable,
    // JSON writes NaN and Infinity as null.
    ...(seconds !== undefined && Number.isFinite(seconds) && { retry_after_seconds: seconds }),
  };
}

/** The inverse of {@link describeError}: an error of the class of its code, or a plain AppError for an unknown code. */
export function rebuildError(wire: WireError): AppError {
  const { expected, hint, details, retry_after_seconds } = wire;
  const options: AppErrorOptions = {
    ...(expected !== undefined && { expected }),
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
    ...(retry_after_seconds !== undefined && { retryAfterSeconds: retry_after_seconds }),
  };
  const Known = Object.hasOwn(CLASSES, wire.code) ? CLASSES[wire.code] : undefined;
  return Known === undefined ? new ForeignError(wire, options) : new Known(wire.message, options);
}

const CLASSES: Readonly<Record<string, new (message: string, options: AppErrorOptions) => AppError>> = {
  invalid_input: InvalidInput,
  unauthorized: Unauthorized,
  forbidden: Forbidden,
  not_found: NotFound,
  blob_missing: BlobMissing,
  conflict: Conflict,
  precondition_failed: PreconditionFailed,
  payload_too_large: PayloadTooLarge,
  unsupported_media_type: UnsupportedMediaType,
  out_of_memory: OutOfMemory,
  unprocessable: Unprocessable,
  cancelled: Cancelled,
  busy: Busy,
  store_unreachable: Unreachable,
  store_full: StoreFull,
  store_denied: StoreDenied,
  ambiguous: Ambiguous,
  corrupt: Corrupt,
  internal: Internal,
};

/** An error of a class that this process does not know. */
class ForeignError extends AppError {
  readonly code: string;
  readonly status: number;
  override readonly retryable: boolean;

  constructor({ code, status, retryable, message }: WireError, options: AppErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.retryable = retryable;
  }
}

function defect(error: unknown): Internal {
  return new Internal(`an unexpected error: ${textOf(error)}`, {
    hint: 'this is a defect: the same call may be tried again, and the server log has the stack',
  });
}

/** An absolute path of at least two names that does not lie in /dev, /proc or /sys. */
const ABSOLUTE_PATH = /(?<![\w.~/-])\/(?!(?:dev|proc|sys)\/)(?:[^\s/'"`,;:()]+\/)+([^\s/'"`,;:()]*)/g;

/** A text of a library or the system, with the names of files instead of their paths on this machine. */
export function cutPaths(text: string): string {
  return text.replaceAll(ABSOLUTE_PATH, (_, name: string) => name || 'a folder');
}

function textOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return cutPaths(String(thrown));
    // The message of a system call ends with paths of this machine, which its stack in the log has, too.
    return 'syscall' in thrown
      ? `${thrown.message}`.replace(/, \w+ '.*$/s, ` (${thrown.syscall})`)
      : cutPaths(`${thrown.message}`);
  } catch {
    return `a thrown ${typeof thrown} without text`;
  }
}

/**
 * Empty where the details have no JSON form (functions, cycles, big integers) or are nested too deeply: they must not
 * lose the error.
 */
function jsonOf(details: ErrorDetails): NonNullable<WireError['details']> {
  try {
    const plain = JSON.parse(JSON.stringify(details));
    return isNestedTooDeeply(plain) ? {} : plain;
  } catch {
    return {};
  }
}

const MAX_DETAILS_DEPTH = 64;

/** Whether the details of an error have more than 64 levels of arrays and objects, which recursive readers refuse. */
export function isNestedTooDeeply(details: unknown): boolean {
  let level: unknown[] = [details];
  for (let depth = 0; depth <= MAX_DETAILS_DEPTH; depth++) {
    const containers = level.filter(each => typeof each === 'object' && each !== null);
    if (containers.length === 0) return false;
    level = containers.flatMap(each => Object.values(each as object));
  }
  return true;
}
