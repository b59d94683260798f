/** @file Errors of requests with S3's own codes. Any file of this room throws them; app.ts answers them. */
import {
  AppError,
  type AppErrorOptions,
  Busy,
  Conflict,
  InvalidInput,
  inOneLine,
  NotFound,
  PayloadTooLarge,
  PreconditionFailed,
  Unreachable,
} from '../../errors.ts';

/** The HTTP status of each code (Amazon S3 API reference, "Error responses"). */
const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  ConditionalRequestConflict: 409,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidDigest: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidURI: 400,
  MalformedTrailerError: 400,
  MalformedXML: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  RequestTimeout: 400,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type S3ErrorCode = keyof typeof STATUS;

export class S3Error extends AppError {
  readonly code: S3ErrorCode;
  readonly status: number;

  constructor(code: S3ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
  }
}

export function noSuchKey(key: string): S3Error {
  return new S3Error('NoSuchKey', 'there is no such object', { details: { key } });
}

/** An error for a part of S3 that this endpoint lacks; the message names the part. */
export function notImplemented(
  what: string,
  hint = 'this endpoint reads, writes, lists and deletes whole objects',
): S3Error {
  return new S3Error('NotImplemented', `${what} is not supported: ${hint}`);
}

/**
 * Translates an error of the store for a client of S3. Undefined for a defect, which the client does not learn about.
 * @param conditional Whether the request names a version. Then contention is an answer and not a reason to slow down.
 */
export function toS3Error(error: unknown, conditional: boolean): S3Error | undefined {
  if (error instanceof S3Error) return error;
  if (!(error instanceof AppError)) return undefined;
  return new S3Error(codeOf(error, conditional), inOneLine(error), { cause: error });
}

function codeOf(error: AppError, conditional: boolean): S3ErrorCode {
  if (error instanceof PreconditionFailed) return 'PreconditionFailed';
  if (error instanceof NotFound) return 'NoSuchKey';
  if (error instanceof InvalidInput) return 'InvalidArgument';
  if (error instanceof PayloadTooLarge) return 'EntityTooLarge';
  if (error instanceof Conflict) return conditional ? 'ConditionalRequestConflict' : 'SlowDown';
  if (error instanceof Busy || error instanceof Unreachable) return 'SlowDown';
  return 'InternalError';
}
