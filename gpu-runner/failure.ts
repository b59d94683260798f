/** @file Errors across threads and processes: an AppError becomes a `failed` event and, at the other end, an error of the same class again. */
import { z } from 'zod';
import { AppError, type AppErrorOptions, restoreError } from '../errors.ts';
import type { FailedEvent } from './protocol.ts';

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
  return restoreError(event, event.message, options);
}
