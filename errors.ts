/** @file The errors of Easel: thrown once, mapped to application/problem+json once (server/problem.ts, RFC 9457). */

export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface AppErrorOptions {
  /** What was expected of the caller, in one sentence. */
  readonly expected?: string;
  /** What the caller can do about it, in one sentence. */
  readonly hint?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** Seconds after which a retry may succeed. */
  readonly retryAfterSeconds?: number;
}

/** An error with a stable `code`, an HTTP status, and whether the same call may succeed later. */
export abstract class AppError extends Error {
  abstract readonly code: string;
  abstract readonly status: number;
  readonly retryable: boolean = false;
  readonly expected: string | undefined;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.expected = options.expected;
    this.hint = options.hint;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The message, the expectation and the hint, for a log. */
export function inOneLine({ message, expected, hint }: AppError): string {
  return [message, expected && `expected ${expected}`, hint].filter(Boolean).join('; ');
}

/** The request is malformed: wrong type, unknown key, bad JSON. */
export class InvalidInput extends AppError {
  readonly code: string = 'invalid_input';
  readonly status = 400;
}

/** No valid credentials were sent. */
export class Unauthorized extends AppError {
  readonly code = 'unauthorized';
  readonly status = 401;
}

/** The request may not be made from there (wrong Host, foreign Origin, path outside the import roots). */
export class Forbidden extends AppError {
  readonly code = 'forbidden';
  readonly status = 403;
}

/** A digest, name, function or route is unknown. */
export class NotFound extends AppError {
  readonly code: string = 'not_found';
  readonly status = 404;
}

/** A blob that something refers to is not in the store. The result that named it is dropped and recomputed once. */
export class BlobMissing extends NotFound {
  override readonly code = 'blob_missing';
}

/** The state of the thing forbids the call (training already runs elsewhere, a conditional write met contention). */
export class Conflict extends AppError {
  readonly code: string = 'conflict';
  readonly status = 409;
  override readonly retryable = true;
}

/** A conditional write was cleanly rejected: the key exists, or its etag is another. */
export class PreconditionFailed extends AppError {
  readonly code = 'precondition_failed';
  readonly status = 412;
}

/** The body is larger than the limit. */
export class PayloadTooLarge extends AppError {
  readonly code = 'payload_too_large';
  readonly status = 413;
}

/** The media type of the body is not the one expected. */
export class UnsupportedMediaType extends AppError {
  readonly code = 'unsupported_media_type';
  readonly status = 415;
}

/** Well-formed, but cannot be done: a checkpoint from another config, a picture that does not decode. */
export class Unprocessable extends AppError {
  readonly code: string = 'unprocessable';
  readonly status = 422;
}

/** The device, or its process, has too little memory for the work. A smaller micro-batch may fit. */
export class OutOfMemory extends Unprocessable {
  override readonly code = 'out_of_memory';
}

/** The caller, or a shutdown, cancelled the work. Nothing is lost: the same call goes on. */
export class Cancelled extends AppError {
  readonly code = 'cancelled';
  readonly status = 499;
  override readonly retryable = true;
}

/** No capacity now: queue full, no runner reachable. */
export class Busy extends AppError {
  readonly code: string = 'busy';
  readonly status = 503;
  override readonly retryable = true;
}

/** The object store did not get the request, or cannot serve it now: nothing was changed by it. */
export class Unreachable extends AppError {
  readonly code = 'store_unreachable';
  readonly status = 503;
  override readonly retryable = true;
}

/** The store has no room: the write changed nothing, and succeeds when some is made. What is stored can be read. */
export class StoreFull extends AppError {
  readonly code = 'store_full';
  readonly status = 507;
  override readonly retryable = true;
}

/**
 * The store refuses access: it is read-only or belongs to another user. Nothing changed, and only its operator can
 * help.
 */
export class StoreDenied extends AppError {
  readonly code = 'store_denied';
  readonly status = 500;
}

/** A write may or may not have been committed: read back and compare before deciding. */
export class Ambiguous extends AppError {
  readonly code = 'ambiguous';
  readonly status = 503;
  override readonly retryable = true;
}

/** Stored bytes do not match their digest, or a stored document is of an unknown version. */
export class Corrupt extends AppError {
  readonly code = 'corrupt';
  readonly status = 500;
}

/** A defect of ours, or of the machine. */
export class Internal extends AppError {
  readonly code = 'internal';
  readonly status = 500;
}
