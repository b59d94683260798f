/** @file Translates failures of the S3 client into errors: rejected, never arrived, or perhaps committed. */
import {
  Ambiguous,
  AppError,
  Conflict,
  Corrupt,
  Internal,
  InvalidInput,
  PayloadTooLarge,
  PreconditionFailed,
  StoreDenied,
  StoreFull,
  Unreachable,
} from '../../../errors.ts';
import { isUnsent } from './agents.ts';
import type { S3Location } from './url.ts';

/** The request that failed. */
export interface S3Request {
  readonly kind: 'read' | 'write';
  /** The key, or the prefix of a listing, as the caller named it. */
  readonly key: string;
  /** A write with If-Match or If-None-Match. */
  readonly conditional?: boolean;
}

/** The store did nothing, and a retry does not help. */
const DENIED = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
]);
const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
]);
const DAMAGED = new Set(['BadDigest', 'XAmzContentChecksumMismatch', 'XAmzContentSHA256Mismatch']);
const FULL = new Set(['QuotaExceeded', 'XMinioAdminBucketQuotaExceeded', 'XMinioStorageFull']);
/** Wait before a retry when the store is full. */
const FULL_RETRY_SECONDS = 60;
const BAD_KEY = new Set(['KeyTooLongError', 'XMinioInvalidObjectName']);
/** Answers with 4xx that a retry may change. */
const TRANSIENT = new Set(['IncompleteBody', 'RequestTimeout', 'Throttling', 'TooManyRequests']);

/** Codes of connections that broke before the end of the answer. */
const BROKEN = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);
const TLS = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO$)/;

/**
 * The error to throw. A rejection or Unreachable means that nothing was changed. A write with an unknown outcome is
 * Ambiguous, also after 5xx: the store may have committed it on some disks. No error contains secrets.
 */
export function explainFailure(error: unknown, request: S3Request, location: S3Location): AppError {
  if (error instanceof AppError) return error;
  const facts = readFacts(error);
  const { code, name, status, message } = facts;
  const cause = summarise(error, facts);
  const where = `the store ${location.url}`;
  const bucket = `the bucket "${location.bucket}" at ${location.endpoint ?? 'Amazon S3'}`;

  if (isUnsent(error) && TLS.test(code)) {
    return new Internal(`${where} does not offer trusted TLS: ${message}`, {
      cause,
      hint: 'check the scheme of the endpoint; NODE_EXTRA_CA_CERTS names a file of further certificates',
    });
  }
  if (isUnsent(error)) {
    return new Unreachable(`${where} cannot be reached: ${message}`, { cause, hint: 'check that it runs' });
  }
  if (name === 'CredentialsProviderError') {
    return new Internal(`there are no credentials for ${bucket}`, {
      cause,
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
    });
  }
  if (message === 'Region is missing') {
    return new Internal(`no region is given for ${bucket}`, {
      cause,
      hint: 'add ?region=..., or set AWS_REGION',
    });
  }
  if (status === undefined) return lose(`${where} gave no answer: ${message}`, cause, request);

  if (name === 'NoSuchBucket') {
    return new Internal(`there is no ${bucket.slice('the '.length)}`, {
      cause,
      hint: 'create it, or name another in EASEL_STORE',
    });
  }
  if (name === 'RequestTimeTooSkewed') {
    return new Unreachable(`the clock of ${where} differs from the clock of this machine`, {
      cause,
      hint: 'set the clock',
    });
  }
  if (WRONG_REGION.has(name) || status === 301) {
    return new Internal(`${bucket} lies in another region: ${message}`, {
      cause,
      hint: 'name it: s3://BUCKET?region=REGION',
    });
  }
  if (DENIED.has(name) || status === 401 || status === 403) {
    return new StoreDenied(`access to ${bucket} is denied (${name}): cannot ${request.kind} "${request.key}"`, {
      cause,
      hint: 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: their user needs to get, put, delete and list objects',
    });
  }
  if (FULL.has(name) || status === 507) {
    return new StoreFull(`the disk of the store is full (${where})`, {
      cause,
      hint: 'free some space, then send the same call again: it goes on',
      retryAfterSeconds: FULL_RETRY_SECONDS,
    });
  }
  if (DAMAGED.has(name)) {
    return new Corrupt(`the bytes of "${request.key}" arrived damaged at ${where} (${name})`, {
      cause,
      hint: 'nothing was stored; retry',
    });
  }
  if (BAD_KEY.has(name)) {
    return new InvalidInput(`the key "${request.key.slice(0, 200)}" is refused by ${where}: ${message}`, {
      cause,
    });
  }
  if (status === 416) {
    return new InvalidInput(`the range lies outside "${request.key}"`, {
      cause,
      expected: 'a start within the object and an end not before it',
    });
  }
  if (status === 413 || name === 'EntityTooLarge') {
    return new PayloadTooLarge(`"${request.key}" is too large for ${where}`, {
      cause,
      expected: 'at most 1 GiB',
    });
  }
  if (request.conditional && (status === 412 || status === 404)) {
    return new PreconditionFailed(
      status === 404 ? `"${request.key}" does not exist` : `"${request.key}" exists, or has changed`,
      { cause, hint: 'read it again, then decide' },
    );
  }
  if (status === 409) {
    if (request.conditional) {
      return new Conflict(`another process writes "${request.key}" now`, { cause, hint: 'read it and retry' });
    }
    return new Unreachable(`${where} is busy with another write of "${request.key}"`, { cause, hint: 'retry' });
  }
  if (status === 501) {
    return new Internal(`${where} does not support the request (${name}): ${message}`, {
      cause,
      hint: 'use a store with conditional writes, such as MinIO, or a folder (file:DIR)',
    });
  }
  if (status >= 500 || status === 408 || status === 429 || TRANSIENT.has(name) || status < 300) {
    // MinIO also answers SlowDownRead for an object that is damaged on its disks.
    const hint =
      name === 'SlowDownRead' ? `retry; if that fails, see MinIO's log: "${request.key}" may be damaged` : 'retry';
    return lose(`${where} answered ${status} (${name}): ${message}`, cause, request, hint);
  }
  return new Internal(`${where} refused to ${request.kind} "${request.key}": ${status} ${name}: ${message}`, {
    cause,
    hint: 'check that the endpoint is the endpoint of an S3 store',
  });
}

/** The outcome is unknown: a read changes nothing, a write may have been committed. */
function lose(message: string, cause: unknown, request: S3Request, hint = 'retry'): AppError {
  if (request.kind === 'read') return new Unreachable(message, { cause, hint });
  return new Ambiguous(`${message}; "${request.key}" may or may not have been written`, { cause, hint });
}

interface Facts {
  /** Code of the operating system, such as ECONNREFUSED; empty for other failures. */
  readonly code: string;
  /** Error code of S3, such as NoSuchBucket. */
  readonly name: string;
  /** HTTP status of a complete answer; undefined without one. */
  readonly status: number | undefined;
  readonly message: string;
}

function readFacts(error: unknown): Facts {
  const { code, name, message, $metadata, cause } = error as Record<string, unknown>;
  const status = ($metadata as { readonly httpStatusCode?: unknown } | undefined)?.httpStatusCode;
  // The cause of an abort says why.
  const reason = name === 'AbortError' || !message ? (cause instanceof Error ? cause.message : undefined) : undefined;
  const text = String(reason || message || code || name);
  return {
    code: String(code ?? ''),
    name: String(name ?? ''),
    status: typeof status === 'number' && !BROKEN.has(String(code)) ? status : undefined,
    // Only the first line: the SDK's advice on the next lines is for developers.
    message: (text.split('\n')[0] ?? '').slice(0, 500),
  };
}

/**
 * A copy of the failure without the request and response that the SDK attaches: those hold headers, buffers and
 * sockets.
 */
function summarise(error: unknown, { code, name, status, message }: Facts): Error {
  const { $metadata } = error as { readonly $metadata?: { readonly requestId?: string } };
  const request = $metadata?.requestId && `(request ${$metadata.requestId})`;
  const summary = new Error([status ?? code, message, request].filter(Boolean).join(' '));
  summary.name = name;
  return summary;
}
