/**
 * @file AWS Signature Version 4 as S3 uses it: computes signatures. authenticate.ts decides which requests to let in.
 * (Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".)
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { encodeUri, type S3Request } from './request.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const SIGNATURE_PARAMETER = 'X-Amz-Signature';
const EMPTY_SHA256 = sha256('');

/** Time and scope that a signature is bound to, beside the request. */
export interface SigningScope {
  /** `20130524T000000Z` */
  readonly timestamp: string;
  /** `20130524/us-east-1/s3/aws4_request` */
  readonly scope: string;
}

/** Key and first signature for the chunks of a body. The request's own signature starts the chain. */
export interface ChunkSigning extends SigningScope {
  readonly key: Buffer;
  readonly seedSignature: string;
}

/** The signing key of a day, a region and a service. @param scope See {@link SigningScope}. */
export function deriveSigningKey(secretKey: string, scope: string): Buffer {
  return scope
    .split('/')
    .reduce<Buffer>((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`AWS4${secretKey}`));
}

/** The signature of a request, 64 hexadecimal digits. @param payload The header x-amz-content-sha256. */
export function signRequest(
  request: S3Request,
  signedHeaders: readonly string[],
  payload: string,
  { timestamp, scope }: SigningScope,
  key: Buffer,
): string {
  const canonical = canonicalRequest(request, signedHeaders, payload);
  // Header values are bytes, which Node decodes as Latin-1. All other parts are ASCII.
  const digest = createHash('sha256').update(canonical, 'latin1').digest('hex');
  return hmac(key, [ALGORITHM, timestamp, scope, digest]);
}

export function canonicalRequest(request: S3Request, signedHeaders: readonly string[], payload: string): string {
  const query = request.query
    .filter(([name]) => name !== SIGNATURE_PARAMETER)
    .map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`)
    .sort(compareParameters);
  const headers = signedHeaders.map(name => `${name}:${headerValue(request.headers, name)}\n`);
  return [
    request.method,
    request.path.split('/').map(encodeUri).join('/'),
    query.join('&'),
    headers.join(''),
    signedHeaders.join(';'),
    payload,
  ].join('\n');
}

/** Signature of a chunk of an aws-chunked body. @param digest sha256 of its bytes, in hexadecimal. */
export function signChunk(signing: ChunkSigning, previous: string, digest: string): string {
  const { timestamp, scope, key } = signing;
  return hmac(key, [`${ALGORITHM}-PAYLOAD`, timestamp, scope, previous, EMPTY_SHA256, digest]);
}

/** Signature of the trailers. @param trailers `name:value\n` each, in the order sent. */
export function signTrailers(signing: ChunkSigning, previous: string, trailers: string): string {
  const { timestamp, scope, key } = signing;
  return hmac(key, [`${ALGORITHM}-TRAILER`, timestamp, scope, previous, sha256(trailers)]);
}

/** Compares in a time that does not reveal where two signatures differ. */
export function isSameSignature(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Sorts parameters by name, then by value. The "=" must not take part in the order. */
function compareParameters(a: string, b: string): number {
  const [left, right] = [a.replace('=', '\0'), b.replace('=', '\0')];
  return left < right ? -1 : left > right ? 1 : 0;
}

function headerValue(headers: Headers, name: string): string {
  return (headers.get(name) ?? '').trim().replace(/\s+/g, ' ');
}

function hmac(key: Buffer, lines: readonly string[]): string {
  return createHmac('sha256', key).update(lines.join('\n')).digest('hex');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
