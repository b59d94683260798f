import { createHash } from 'node:crypto';
import { signV4 } from 'minio/dist/esm/signing.mjs';
import type { MinioCredentials } from './keys.ts';

const REGION = 'us-east-1';

export interface SignedRequest {
  readonly endpoint: string;
  readonly credentials: MinioCredentials;
  readonly method: 'GET' | 'PUT';
  /** Path with its query. */
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Milliseconds until the request is given up. */
  readonly timeout: number;
}

/** Sends an HTTP request with AWS Signature Version 4. */
export async function signedFetch(request: SignedRequest): Promise<Response> {
  const { endpoint, credentials, method, path, body } = request;
  const url = new URL(path, endpoint);
  const now = new Date();
  const digest = createHash('sha256')
    .update(body ?? '')
    .digest('hex');
  const headers = {
    host: url.host,
    'x-amz-content-sha256': digest,
    'x-amz-date': now.toISOString().replace(/[-:]|\.\d+/g, ''),
  };
  const signed = { method, path: url.pathname + url.search, headers, protocol: url.protocol };
  const authorization = signV4(signed, credentials.accessKey, credentials.secretKey, REGION, now, digest);
  return fetch(url, {
    method,
    headers: { ...headers, authorization },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(request.timeout),
  });
}
