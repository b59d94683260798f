/**
 * @file Reads the body of a request, with limits on size and time, and verifies everything that the client claims about
 * it.
 */
import type { Clock } from '../../storage/clock.ts';
import type { Authenticated } from './authenticate.ts';
import { decodeAwsChunked } from './aws-chunked.ts';
import { ChecksumVerifier } from './checksums.ts';
import { S3Error } from './errors.ts';
import type { S3Request } from './request.ts';

export interface BodyLimits {
  /** Bytes of the decoded body. */
  readonly maxBytes: number;
  /** Longest wait for the next piece. */
  readonly idleMs: number;
  readonly clock: Clock;
}

export interface VerifiedBody {
  /** Throws at its end if the body is not as the client claims. The bytes count only once the stream has ended. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The sha256 (hexadecimal) that the bytes must have. The caller hashes them anyway and calls {@link checkSha256}. */
  readonly sha256?: string;
}

/** @throws S3Error at once for faults in the headers: too large, no length, a malformed checksum. */
export function openBody(
  request: S3Request,
  { payload, signing }: Authenticated,
  source: AsyncIterable<Uint8Array>,
  limits: BodyLimits,
): VerifiedBody {
  const { headers } = request;
  const length = readLength(headers, payload.kind === 'chunked' ? 'x-amz-decoded-content-length' : 'content-length');
  if (length > limits.maxBytes) {
    throw new S3Error('EntityTooLarge', `the body has ${length} bytes: at most ${limits.maxBytes} are allowed`);
  }
  const checksums = new ChecksumVerifier(headers);
  const pieces = withinIdleTime(source, limits);
  if (payload.kind === 'plain') {
    const bytes = verify(takeExactly(pieces, length), headers, checksums);
    return payload.sha256 === undefined ? { bytes } : { bytes, sha256: payload.sha256 };
  }
  const { signed, trailers } = payload;
  const decoded = decodeAwsChunked(pieces, { decodedLength: length, trailers, ...(signed && { signing }) });
  return { bytes: verify(decoded, headers, checksums) };
}

/** @param sha256 The sha256 of the bytes, in hexadecimal. @throws S3Error XAmzContentSHA256Mismatch */
export function checkSha256(body: VerifiedBody, sha256: string): void {
  if (body.sha256 === undefined || body.sha256 === sha256) return;
  throw new S3Error('XAmzContentSHA256Mismatch', 'the body is not the one that was signed');
}

async function* verify(
  pieces: AsyncGenerator<Uint8Array, ReadonlyMap<string, string>>,
  headers: Headers,
  checksums: ChecksumVerifier,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done === true) {
        checksums.addTrailers(headers, value);
        break;
      }
      checksums.update(value);
      yield value;
    }
    checksums.verify();
  } finally {
    await pieces.return(new Map());
  }
}

const NO_TRAILERS: ReadonlyMap<string, string> = new Map();

async function* takeExactly(
  pieces: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, ReadonlyMap<string, string>> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.byteLength;
    if (size > length) break;
    yield piece;
  }
  if (size !== length) throw new S3Error('IncompleteBody', `the body has not the ${length} bytes that were announced`);
  return NO_TRAILERS;
}

async function* withinIdleTime(
  source: AsyncIterable<Uint8Array>,
  { idleMs, clock }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const arrived = new AbortController();
      const tellLate = () => 'late' as const;
      const late = clock.sleep(idleMs, arrived.signal).then(tellLate, tellLate);
      const next = await Promise.race([iterator.next().catch(breakOff), late]).finally(() => arrived.abort());
      if (next === 'late') {
        throw new S3Error('RequestTimeout', `nothing of the body came for ${idleMs / 1000} s`);
      }
      ended = next.done === true;
      if (ended) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a stream that hangs may hang in return() too.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function breakOff(cause: unknown): never {
  throw new S3Error('IncompleteBody', 'the body broke off', { cause });
}

function readLength(headers: Headers, name: string): number {
  const text = headers.get(name);
  if (text === null) throw new S3Error('MissingContentLength', `the header ${name} is missing`);
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument', `${name} is not a number of bytes`);
  return Number(text);
}
