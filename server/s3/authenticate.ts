/**
 * @file Lets in only requests that are signed with the one pair of keys, by header or in a presigned URL. There is no
 * anonymous access. So a web page or another user of the machine can do nothing, by whatever name it calls the endpoint
 * (DNS rebinding): it has no keys.
 */
import { S3Error } from './errors.ts';
import { type Payload, parsePayload } from './payload.ts';
import { queryValue, type S3Request } from './request.ts';
import {
  ALGORITHM,
  type ChunkSigning,
  deriveSigningKey,
  isSameSignature,
  SIGNATURE_PARAMETER,
  signRequest,
} from './sigv4.ts';

export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface Authenticated {
  readonly payload: Payload;
  readonly signing: ChunkSigning;
}

/** Largest difference between the clocks of client and server (S3's figure). */
const MAX_SKEW_MS = 15 * 60 * 1000;
/** Longest life of a presigned URL (S3's figure). */
const MAX_EXPIRES_SECONDS = 7 * 24 * 3600;

interface Authorization {
  readonly accessKey: string;
  readonly scope: string;
  readonly timestamp: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly payload: string;
  /** Life of a presigned URL. */
  readonly expiresSeconds?: number;
}

/** @param now Milliseconds since the epoch. @throws S3Error with the code that S3 would answer. */
export function authenticate(request: S3Request, credentials: S3Credentials, now: number): Authenticated {
  const authorization = readAuthorization(request);
  const { scope, timestamp, signedHeaders, payload, signature } = authorization;
  checkTime(authorization, now);
  checkSignedHeaders(request, authorization);
  const key = deriveSigningKey(credentials.secretKey, scope);
  const expected = signRequest(request, signedHeaders, payload, { scope, timestamp }, key);
  if (!isSameSignature(authorization.accessKey, credentials.accessKey)) {
    throw new S3Error(
      'InvalidAccessKeyId',
      'the access key is not known here: `easel store keys` prints the one that is',
    );
  }
  if (!isSameSignature(signature, expected)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'the signature does not match: the secret key differs, or the request was changed on its way',
    );
  }
  return { payload: parsePayload(payload), signing: { scope, timestamp, key, seedSignature: signature } };
}

function readAuthorization(request: S3Request): Authorization {
  const header = request.headers.get('authorization');
  const isPresigned = queryValue(request, 'X-Amz-Algorithm') !== undefined || queryValue(request, SIGNATURE_PARAMETER);
  if (header !== null && isPresigned) {
    throw new S3Error('InvalidArgument', 'the request is signed twice, by a header and in the query');
  }
  if (header?.startsWith('AWS ') || queryValue(request, 'AWSAccessKeyId') !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      'signatures of version 2 are not accepted: use AWS4-HMAC-SHA256 ' +
        '(aws: `aws configure set default.s3.signature_version s3v4`)',
    );
  }
  if (header !== null) return readHeader(request, header);
  if (isPresigned) return readQuery(request);
  throw new S3Error('AccessDenied', 'the request is not signed: `easel store keys` prints the keys of this store');
}

function readHeader(request: S3Request, header: string): Authorization {
  const malformed = (what: string) => new S3Error('AuthorizationHeaderMalformed', `the header Authorization ${what}`);
  const space = header.indexOf(' ');
  if (space < 0 || header.slice(0, space) !== ALGORITHM) throw malformed(`does not start with "${ALGORITHM}"`);
  const fields = new Map(
    header
      .slice(space + 1)
      .split(',')
      .map(part => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1).trim()]),
  );
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map(name =>
    fields.get(name),
  );
  if (!credential || !signedHeaders || !signature) throw malformed('lacks Credential, SignedHeaders or Signature');
  const payload = request.headers.get('x-amz-content-sha256');
  if (payload === null) throw new S3Error('InvalidRequest', 'the header x-amz-content-sha256 is missing');
  return {
    ...readCredential(credential, malformed),
    timestamp: request.headers.get('x-amz-date') ?? '',
    signedHeaders: readNames(signedHeaders, malformed),
    signature,
    payload,
  };
}

function readQuery(request: S3Request): Authorization {
  const malformed = (what: string) => new S3Error('AuthorizationQueryParametersError', `the presigned URL ${what}`);
  const read = (name: string): string => {
    const values = request.query.filter(([each]) => each === name);
    if (values.length !== 1 || values[0]?.[1] === '') throw malformed(`needs ${name} once`);
    return values[0]?.[1] ?? '';
  };
  if (read('X-Amz-Algorithm') !== ALGORITHM) throw malformed(`is not signed by ${ALGORITHM}`);
  const expires = read('X-Amz-Expires');
  const expiresSeconds = /^\d{1,9}$/.test(expires) ? Number(expires) : 0;
  if (expiresSeconds < 1 || expiresSeconds > MAX_EXPIRES_SECONDS) {
    throw malformed(`expires after ${expires.slice(0, 20)} s: 1 to ${MAX_EXPIRES_SECONDS} are allowed`);
  }
  return {
    ...readCredential(read('X-Amz-Credential'), malformed),
    timestamp: read('X-Amz-Date'),
    signedHeaders: readNames(read('X-Amz-SignedHeaders'), malformed),
    signature: read(SIGNATURE_PARAMETER),
    payload:
      queryValue(request, 'X-Amz-Content-Sha256') ?? request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
    expiresSeconds,
  };
}

/** `host;x-amz-date` */
function readNames(text: string, malformed: (what: string) => S3Error): string[] {
  if (!/^[\w-]+(;[\w-]+)*$/.test(text)) throw malformed('names invalid signed headers');
  return text.toLowerCase().split(';');
}

/** Parses `KEY/20130524/us-east-1/s3/aws4_request`. Any region will do. */
function readCredential(
  credential: string,
  malformed: (what: string) => S3Error,
): Pick<Authorization, 'accessKey' | 'scope'> {
  const parts = credential.split('/');
  const scope = parts.slice(-4);
  const [date = '', region, service, terminator] = scope;
  if (parts.length < 5 || !/^\d{8}$/.test(date) || !region || service !== 's3' || terminator !== 'aws4_request') {
    throw malformed('needs a credential such as KEY/20130524/us-east-1/s3/aws4_request');
  }
  return { accessKey: parts.slice(0, -4).join('/'), scope: scope.join('/') };
}

function checkTime({ timestamp, scope, expiresSeconds }: Authorization, now: number): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp)?.map(Number) ?? [];
  if (year === undefined || month === undefined || !scope.startsWith(`${timestamp.slice(0, 8)}/`)) {
    throw new S3Error(
      'AccessDenied',
      'x-amz-date is missing, is not a time such as 20130524T000000Z, or is not on the day of the signature',
    );
  }
  const signedAt = Date.UTC(year, month - 1, day, hour, minute, second);
  if (expiresSeconds !== undefined && now > signedAt + expiresSeconds * 1000) {
    throw new S3Error('AccessDenied', 'the presigned URL has expired');
  }
  const isEarly = signedAt - now > MAX_SKEW_MS;
  const isLate = expiresSeconds === undefined && now - signedAt > MAX_SKEW_MS;
  if (isEarly || isLate) {
    throw new S3Error(
      'RequestTimeTooSkewed',
      `the request is of ${timestamp}, and here it is ${new Date(now).toISOString()}: more than 15 minutes apart`,
    );
  }
}

/** Checks that the signature covers the host and every AWS header, since these change the meaning of a request. */
function checkSignedHeaders({ headers }: S3Request, { signedHeaders }: Authorization): void {
  const signed = new Set(signedHeaders);
  const required = ['host', ...[...headers.keys()].filter(name => name.startsWith('x-amz-'))];
  const unsigned = required.filter(name => !signed.has(name));
  if (unsigned.length > 0)
    throw new S3Error('AccessDenied', `headers that must be signed are not: ${unsigned.join(', ')}`);
  const absent = signedHeaders.filter(name => !headers.has(name));
  if (absent.length > 0)
    throw new S3Error('AccessDenied', `signed headers are missing: ${absent.join(', ').slice(0, 200)}`);
}
