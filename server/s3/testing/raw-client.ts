/**
 * @file A client that sends exactly what it is told, well signed: what was tampered with is tampered with afterwards.
 */
import { createHash } from 'node:crypto';
import { request as startRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parseRequest } from '../request.ts';
import { type ChunkSigning, deriveSigningKey, signRequest } from '../sigv4.ts';
import { TEST_CREDENTIALS } from './endpoint.ts';

export interface RawRequest {
  readonly method?: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** x-amz-content-sha256; default: the sha256 of the body. */
  readonly payload?: string;
  readonly credentials?: { readonly accessKey: string; readonly secretKey: string };
  /** Milliseconds since the epoch. */
  readonly now?: number;
}

export interface Signed {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly signing: ChunkSigning;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Code of an error answer. */
  readonly code: string | undefined;
}

export function sign(url: string, raw: RawRequest): Signed {
  const { method = 'GET', target, credentials = TEST_CREDENTIALS, now = Date.now() } = raw;
  const body = Buffer.from(raw.body ?? '');
  const payload = raw.payload ?? createHash('sha256').update(body).digest('hex');
  const timestamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${timestamp.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const hasBody = body.length > 0 || method === 'PUT' || method === 'POST';
  const isSized = hasBody && raw.headers?.['transfer-encoding'] === undefined;
  const headers: Record<string, string> = {
    host: new URL(url).host,
    'x-amz-content-sha256': payload,
    'x-amz-date': timestamp,
    ...(isSized && { 'content-length': String(body.length) }),
    ...raw.headers,
  };
  const signedHeaders = Object.keys(headers).sort();
  const key = deriveSigningKey(credentials.secretKey, scope);
  const request = parseRequest(method, target, new Headers(headers));
  const signature = signRequest(request, signedHeaders, payload, { timestamp, scope }, key);
  const names = signedHeaders.join(';');
  const credential = `${credentials.accessKey}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  const signing = { timestamp, scope, key, seedSignature: signature };
  return { method, target, headers: { ...headers, authorization }, body, signing };
}

/** Sends it as it is. */
export async function send(
  url: string,
  { method, target, headers, body }: Omit<Signed, 'signing'>,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = startRequest({ hostname, port, method, path: target, headers, agent: false }, response => {
      buffer(response).then(bytes => {
        const text = bytes.toString();
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, code });
      }, reject);
    });
    request.once('error', reject);
    request.end(body);
  });
}

export const call = (url: string, raw: RawRequest): Promise<RawAnswer> => send(url, sign(url, raw));
