/** @file What the failures of an S3 client mean: what was cleanly rejected, what never arrived, and what may have been committed. */
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

/** The store says so without having done anything; waiting does not help. */
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
/** What a full store asks of callers who retry by themselves. */
const FULL_RETRY_SECONDS = 60;
const BAD_KEY = new Set(['KeyTooLongError', 'XMinioInvalidObjectName']);
/** 4xx in which the store gave up waiting, or asks for patience. */
const TRANSIENT = new Set(['IncompleteBody', 'RequestTimeout', 'Throttling', 'TooManyRequests']);

/** Codes of connections that ended before the answer did. */
const BROKEN = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);
const TLS = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|EPROTO$)/;

/**
 * The error to throw. Only what says that nothing was changed is a rejection or Unreachable: a write of which nothing is known, 5xx
 * among them (a store may have committed on some of its disks), is Ambiguous. Secrets are in none of them.
 */
export function explainFailure(error: unknown, request: S3Request, location: S3Location): AppError {
  if (error instanceof AppError) return error;
  const facts = readFacts(error);
  const { code, name, status, message } = facts;
  const cause = summarise(error, facts);
  const where = `the store ${location.url}`;
  const bucket = `the bucket "${location.bucket}" at ${location.endpoint ?? 'Amazon S3'}`;

  if (isUnsent(error) && TLS.test(code)) {
    return new Internal(`${where} offers no trusted TLS: ${message}`, {
      cause,
      hint: 'check the scheme of the endpoint; NODE_EXTRA_CA_CERTS names a file of further authorities',
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
    return new Unreachable(`${where} has another time than this machine`, { cause, hint: 'set the clock' });
  }
  if (WRONG_REGION.has(name) || status === 301) {
    return new Internal(`${bucket} lies in another region: ${message}`, {
      cause,
      hint: 'name it: s3://BUCKET?region=REGION',
    });
  }
  if (DENIED.has(name) || status === 401 || status === 403) {
    return new StoreDenied(`access to ${bucket} is denied (${name}) when it should ${request.kind} "${request.key}"`, {
      cause,
      hint: 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they may get, put, delete and list objects there',
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
      { cause, hint: 'read it again and decide anew' },
    );
  }
  if (status === 409) {
    if (request.conditional) {
      return new Conflict(`"${request.key}" is being written by another`, { cause, hint: 'read it and retry' });
    }
    return new Unreachable(`${where} is busy with another write of "${request.key}"`, { cause, hint: 'retry' });
  }
  if (status === 501) {
    return new Internal(`${where} cannot do what is asked (${name}): ${message}`, {
      cause,
      hint: 'use a store with conditional writes, such as MinIO, or a folder (file:DIR)',
    });
  }
  if (status >= 500 || status === 408 || status === 429 || TRANSIENT.has(name) || status < 300) {
    // MinIO has no other word for an object that is damaged on its disks.
    const hint =
      name === 'SlowDownRead' ? `retry; if it stays so, see MinIO's log: "${request.key}" may be damaged` : 'retry';
    return lose(`${where} answered ${status} (${name}): ${message}`, cause, request, hint);
  }
  return new Internal(`${where} refused to ${request.kind} "${request.key}": ${status} ${name}: ${message}`, {
    cause,
    hint: 'check that the endpoint is that of an S3 store',
  });
}

/** Reading changes nothing; what became of a write is not known. */
function lose(message: string, cause: unknown, request: S3Request, hint = 'retry'): AppError {
  if (request.kind === 'read') return new Unreachable(message, { cause, hint });
  return new Ambiguous(`${message}; "${request.key}" may or may not have been written`, { cause, hint });
}

interface Facts {
  /** Of the operating system, such as ECONNREFUSED; empty when it is none. */
  readonly code: string;
  /** S3's code of the error, such as NoSuchBucket. */
  readonly name: string;
  /** Of an answer that came whole; undefined when none did. */
  readonly status: number | undefined;
  readonly message: string;
}

function readFacts(error: unknown): Facts {
  const { code, name, message, $metadata, cause } = error as Record<string, unknown>;
  const status = ($metadata as { readonly httpStatusCode?: unknown } | undefined)?.httpStatusCode;
  // Who aborted the request says why.
  const reason = name === 'AbortError' || !message ? (cause instanceof Error ? cause.message : undefined) : undefined;
  const text = String(reason || message || code || name);
  return {
    code: String(code ?? ''),
    name: String(name ?? ''),
    status: typeof status === 'number' && !BROKEN.has(String(code)) ? status : undefined,
    // The SDK's own advice, on a line of its own, is for its developers.
    message: (text.split('\n')[0] ?? '').slice(0, 500),
  };
}

/** The failure without the request and response that the SDK attaches, which hold headers, buffers and sockets. */
function summarise(error: unknown, { code, name, status, message }: Facts): Error {
  const { $metadata } = error as { readonly $metadata?: { readonly requestId?: string } };
  const request = $metadata?.requestId && `(request ${$metadata.requestId})`;
  const summary = new Error([status ?? code, message, request].filter(Boolean).join(' '));
  summary.name = name;
  return summary;
}
