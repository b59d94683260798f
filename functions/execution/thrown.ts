/** @file Errors as plain data, so that they cross threads and rest in a run's state without losing code, status or advice. */
import {
  AppError,
  type AppErrorOptions,
  type ErrorDetails,
  type ErrorKind,
  Internal,
  restoreError,
} from '../../errors.ts';

export interface ThrownError extends ErrorKind {
  readonly message: string;
  readonly expected: string | undefined;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;
  readonly retryAfterSeconds: number | undefined;
  /** Of an error that is no AppError: a defect of ours, for the log. */
  readonly stack: string | undefined;
}

/** Any thrown value as plain data; what is no AppError becomes `internal`. */
export function describeError(error: unknown): ThrownError {
  const known = asAppError(error);
  return {
    code: known.code,
    status: known.status,
    message: known.message,
    retryable: known.retryable,
    expected: known.expected,
    hint: known.hint,
    details: plainDetails(known.details),
    retryAfterSeconds: known.retryAfterSeconds,
    stack: known === error ? undefined : error instanceof Error ? error.stack : undefined,
  };
}

/** The error again: of its own class where that is known, else with its code and status as they came. */
export function rebuildError(thrown: ThrownError): AppError {
  const options: AppErrorOptions = {
    ...(thrown.expected === undefined ? {} : { expected: thrown.expected }),
    ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
    ...(thrown.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: thrown.retryAfterSeconds }),
    details: thrown.details,
    ...(thrown.stack === undefined ? {} : { cause: thrown.stack }),
  };
  return restoreError(thrown, thrown.message, options);
}

/** What every layer above may rely on: an AppError, whatever was thrown. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Internal(`an unexpected error: ${message}`, {
    cause: error,
    hint: 'this is a defect: the same call may be tried again, and the server log has the stack',
  });
}

/** Details that do not survive as JSON (functions, cycles) are left behind rather than lose the error. */
function plainDetails(details: ErrorDetails): ErrorDetails {
  try {
    return JSON.parse(JSON.stringify(details));
  } catch {
    return {};
  }
}
