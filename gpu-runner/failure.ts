/** @file Errors across threads and processes: an AppError becomes a `failed` event and, at the other end, an error of the same class again. */
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
  Forbidden,
  Internal,
  InvalidInput,
  NotFound,
  PayloadTooLarge,
  PreconditionFailed,
  Unauthorized,
  Unprocessable,
  UnsupportedMediaType,
} from '../errors.ts';
import type { FailedEvent } from './protocol.ts';

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
  unprocessable: Unprocessable,
  cancelled: Cancelled,
  busy: Busy,
  ambiguous: Ambiguous,
  corrupt: Corrupt,
  internal: Internal,
};

/** An error whose class this process does not know, with its code, status and retryability as they came. */
class RemoteFailure extends AppError {
  readonly code: string;
  readonly status: number;
  override readonly retryable: boolean;

  constructor(event: FailedEvent, options: AppErrorOptions) {
    super(event.message, options);
    this.code = event.code;
    this.status = event.status;
    this.retryable = event.retryable;
  }
}

const plainDetails = z.record(z.string(), z.json());

/** What is not an AppError is `internal`: its message is kept, its stack belongs in the log of the process that threw it. */
export function describeFailure(error: unknown): FailedEvent {
  if (!(error instanceof AppError)) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return {
      type: 'failed',
      code: 'internal',
      status: 500,
      message: `the job failed unexpectedly: ${message}`,
      hint: "this is a defect; the gpu-runner's log has the stack",
      retryable: false,
    };
  }
  const details = plainDetails.safeParse(error.details);
  return {
    type: 'failed',
    code: error.code,
    status: error.status,
    message: error.message,
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(details.success && Object.keys(details.data).length > 0 ? { details: details.data } : {}),
    retryable: error.retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retry_after_seconds: error.retryAfterSeconds }),
  };
}

/** The inverse of {@link describeFailure}. */
export function restoreFailure(event: FailedEvent): AppError {
  const options: AppErrorOptions = {
    ...(event.expected === undefined ? {} : { expected: event.expected }),
    ...(event.hint === undefined ? {} : { hint: event.hint }),
    ...(event.details === undefined ? {} : { details: event.details }),
    ...(event.retry_after_seconds === undefined ? {} : { retryAfterSeconds: event.retry_after_seconds }),
  };
  const known = CLASSES[event.code];
  return known === undefined ? new RemoteFailure(event, options) : new known(event.message, options);
}
