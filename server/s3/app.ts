/** @file An S3 endpoint over any store, as a Hono app: one bucket, path style, every request signed. */
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { type Clock, SYSTEM_CLOCK } from '../../storage/clock.ts';
import { digestOfBlobKey } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type Authenticated, authenticate, type S3Credentials } from './authenticate.ts';
import { openBody } from './body.ts';
import { S3Error, toS3Error } from './errors.ts';
import { listObjects, listObjectsV2, OWNER } from './list-objects.ts';
import { type Operation, parseOperation } from './protocol.ts';
import { type ReadOptions, readObject } from './read-object.ts';
import { parseRequest, type S3Request } from './request.ts';
import { copyObject, deleteObject, deleteObjects, MAX_BYTES, putObject } from './write-object.ts';
import { buildErrorXml, buildXml } from './xml.ts';

export const DEFAULT_BUCKET = 'easel';
/** The region of the bucket. A client that signs for another region is served too. */
export const REGION = 'us-east-1';
/** Longest silence within a body. */
const IDLE_MS = 30_000;

export interface S3AppOptions {
  readonly store: ObjectStore;
  readonly credentials: S3Credentials;
  readonly bucket?: string;
  /** The header x-amz-checksum-sha256 for clients that ask for it. Default: that of a blob, from its key. */
  readonly sha256Of?: ReadOptions['sha256Of'];
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly idleMs?: number;
  /** Receives defects of Easel with their stack; default: standard error. */
  readonly log?: (line: string) => void;
}

/** Values that @hono/node-server passes beside the request. */
interface Bindings {
  readonly incoming?: { readonly url?: string };
}

export function createS3App(options: S3AppOptions): Hono<{ Bindings: Bindings }> {
  const { store, credentials, bucket = DEFAULT_BUCKET, clock = SYSTEM_CLOCK, idleMs = IDLE_MS } = options;
  const { sha256Of = info => digestOfBlobKey(info.key), log = line => console.error(line) } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const app = new Hono<{ Bindings: Bindings }>();

  app.all('*', async c => {
    // A browser names the origin of its page. No page has business with this endpoint.
    if (c.req.header('origin') !== undefined) {
      throw new S3Error('AccessDenied', 'pages in a browser may not call this endpoint');
    }
    const request = parseRequest(c.req.method, targetOf(c), c.req.raw.headers);
    const authenticated = authenticate(request, credentials, clock.now());
    const operation = parseOperation(request, bucket);
    return answer(operation, request, authenticated, c);
  });

  app.onError((error, c) => {
    const { headers } = c.req.raw;
    const known = toS3Error(error, headers.has('if-match') || headers.has('if-none-match'));
    if (known === undefined || known.code === 'InternalError') {
      log(`s3 endpoint: ${c.req.method} ${pathOf(c)}: ${error.stack ?? error.message}`);
    }
    return answerError(known ?? new S3Error('InternalError', 'an internal error; see the log of the server'), c);
  });

  async function answer(
    operation: Operation,
    request: S3Request,
    authenticated: Authenticated,
    c: Context,
  ): Promise<Response> {
    const { headers } = request;
    const body = (maxBytes: number) =>
      openBody(request, authenticated, c.req.raw.body ?? noBody(), { maxBytes, idleMs, clock });
    switch (operation.name) {
      case 'ListBuckets':
        return answerXml(
          buildXml('ListAllMyBucketsResult', {
            Owner: OWNER,
            Buckets: { Bucket: { Name: bucket, CreationDate: startedAt } },
          }),
        );
      case 'HeadBucket':
        return new Response(null, { headers: { 'x-amz-bucket-region': REGION } });
      case 'GetBucketLocation':
        // An empty element means us-east-1.
        return answerXml(buildXml('LocationConstraint', {}));
      case 'ListObjects':
        return answerXml(await listObjects(store, bucket, request));
      case 'ListObjectsV2':
        return answerXml(await listObjectsV2(store, bucket, request));
      case 'GetObject':
        return readObject({ store, sha256Of }, 'GET', operation.key, headers);
      case 'HeadObject':
        return readObject({ store, sha256Of }, 'HEAD', operation.key, headers);
      case 'PutObject':
        return putObject(store, operation.key, headers, body(MAX_BYTES.object));
      case 'CopyObject':
        return answerXml(await copyObject(store, operation.from, operation.key));
      case 'DeleteObject':
        return deleteObject(store, operation.key);
      case 'DeleteObjects':
        return answerXml(await deleteObjects(store, body(MAX_BYTES.xml)));
    }
  }

  return app;
}

async function* noBody(): AsyncGenerator<Uint8Array> {}

function answerXml(xml: string): Response {
  return new Response(xml, { headers: { 'content-type': 'application/xml' } });
}

function answerError(error: S3Error, c: Context<{ Bindings: Bindings }>): Response {
  const requestId = randomUUID();
  const headers = new Headers({ 'content-type': 'application/xml', 'x-amz-request-id': requestId });
  if (error.details.size !== undefined) headers.set('content-range', `bytes */${error.details.size}`);
  const xml = buildErrorXml({
    Code: error.code,
    Message: error.message,
    Resource: pathOf(c),
    RequestId: requestId,
  });
  return new Response(c.req.method === 'HEAD' ? null : xml, { status: error.status, headers });
}

/** The request target as sent. The URL class would normalize it. */
function targetOf(c: Context<{ Bindings: Bindings }>): string {
  return c.env?.incoming?.url ?? c.req.url.replace(/^[^:]+:\/\/[^/]+/, '');
}

/** The path without the query, which holds the signature of a presigned URL. */
function pathOf(c: Context<{ Bindings: Bindings }>): string {
  return targetOf(c).split('?')[0]?.slice(0, 1200) ?? '';
}
