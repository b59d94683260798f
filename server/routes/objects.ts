/** @file Blobs over HTTP: an upload is verified, a download may be cached for ever. */
import { type Context, Hono } from 'hono';
import { InvalidInput, NotFound } from '../../errors.ts';
import { PIECE_BYTES } from '../../storage/blobs/cas.ts';
import { type Digest, parseDigest } from '../../storage/digest.ts';
import type { BlobRef, BlobStore, StreamedBlobStore } from '../../storage/types.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { MAX_BLOB_BYTES, mediaTypeOf, streamBody } from '../read-body.ts';

/** Media types that a browser may show in place. A page of any other type could run in our origin. */
const SHOWN_TYPES = new Set([
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'application/json',
  'application/jsonl',
  'application/x-tar',
  'application/yaml',
  'text/plain',
  'text/plain; charset=utf-8',
]);

export function createObjectRoutes({ blobs }: ServerDeps): Hono {
  const app = new Hono();

  app.post('/objects', async c => {
    const ref = await blobs.putStream(streamBody(c, MAX_BLOB_BYTES, 'a blob'), { mediaType: blobTypeOf(c) });
    return c.json(ref, 201, { location: `/objects/${ref.digest}` });
  });

  app.put('/objects/:digest', async c => {
    const expected = parseDigest(c.req.param('digest'));
    const body = streamBody(c, MAX_BLOB_BYTES, 'a blob');
    return c.json(await blobs.putStream(body, { mediaType: blobTypeOf(c), expected }), 201);
  });

  app.get('/objects/:digest', async c => {
    const digest = parseDigest(c.req.param('digest'));
    const ref = await blobs.head(digest);
    if (ref === undefined) {
      throw new NotFound(`there is no blob ${digest}`, { hint: 'PUT it, or repeat the call that made it' });
    }
    return sendBlob(c, blobs, ref);
  });

  return app;
}

/** curl labels every body as a form. No caller means a form here. */
function blobTypeOf(c: Context): string | undefined {
  const type = mediaTypeOf(c);
  return type === 'application/x-www-form-urlencoded' ? undefined : type;
}

async function sendBlob(c: Context, blobs: StreamedBlobStore, ref: BlobRef): Promise<Response> {
  const etag = `"${ref.digest}"`;
  const headers = new Headers({
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': SHOWN_TYPES.has(ref.media_type) ? ref.media_type : 'application/octet-stream',
    'content-security-policy': "default-src 'none'; sandbox",
    'content-length': String(ref.size),
  });
  if (matches(c.req.header('if-none-match'), etag)) {
    headers.delete('content-length');
    return new Response(null, { status: 304, headers });
  }
  if (c.req.method === 'HEAD') return new Response(null, { status: 200, headers });
  const ifRange = c.req.header('if-range');
  const range = ifRange === undefined || ifRange === etag ? parseRange(c.req.header('range'), ref.size) : undefined;
  if (range === undefined) return new Response(await readAll(blobs, ref), { status: 200, headers });
  if (range === 'unsatisfiable') {
    headers.set('content-range', `bytes */${ref.size}`);
    headers.delete('content-length');
    return new Response(null, { status: 416, headers });
  }
  headers.set('content-range', `bytes ${range.start}-${range.end}/${ref.size}`);
  headers.set('content-length', String(range.end - range.start + 1));
  const pieces = streamRange(blobs, ref.digest, range.start, range.end);
  return new Response(toReadable(pieces), { status: 206, headers });
}

/** Verifies a small blob before the answer begins. The answer of a damaged large blob breaks off before its end. */
async function readAll(blobs: StreamedBlobStore, ref: BlobRef): Promise<ConstructorParameters<typeof Response>[0]> {
  return ref.size > PIECE_BYTES ? toReadable(blobs.stream(ref.digest)) : bodyOf(await blobs.get(ref.digest));
}

/** Bytes `start` to `end`, both inclusive, piece by piece. They are not verified: a digest covers the whole blob. */
async function* streamRange(blobs: BlobStore, digest: Digest, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at <= end; at += PIECE_BYTES) {
    yield await blobs.getRange(digest, { start: at, end: Math.min(at + PIECE_BYTES - 1, end) });
  }
}

function toReadable(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

function bodyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : bytes.slice();
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some(each => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}

/**
 * One range of bytes (RFC 9110, section 14.1.2), cut to the blob.
 * @returns Undefined if the whole blob is to be sent: no header, another unit, or several ranges.
 * @throws InvalidInput if the range is malformed.
 */
function parseRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  if (header === undefined || !header.startsWith('bytes=') || header.includes(',')) return undefined;
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header.replaceAll(' ', '')) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    throw new InvalidInput(`"${header.slice(0, 100)}" is not a range`, { expected: 'bytes=FIRST-LAST' });
  }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) {
    throw new InvalidInput(`"${header.slice(0, 100)}" ends before it starts`, { expected: 'bytes=FIRST-LAST' });
  }
  return start > end ? 'unsatisfiable' : { start, end };
}

export const objectDocs: readonly RouteDoc[] = [
  {
    method: 'post',
    path: '/objects',
    summary: 'Store the body (up to 1 GiB) as a blob and return its digest.',
    responses: { 201: 'stored: { digest, size, media_type }' },
  },
  {
    method: 'put',
    path: '/objects/:digest',
    summary: 'Store the body as a blob under its digest. Refused if the body has another digest.',
    responses: { 201: 'stored: { digest, size, media_type }' },
  },
  {
    method: 'get',
    path: '/objects/:digest',
    summary: 'Return the bytes of a blob. Understands Range, If-None-Match and HEAD.',
    produces: 'application/octet-stream',
    responses: {
      200: 'the bytes',
      206: 'a range of the bytes',
      304: 'the caller has the blob',
      416: 'the range lies outside the blob',
    },
  },
];
