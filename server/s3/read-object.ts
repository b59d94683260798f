/** @file GetObject and HeadObject. They read an object piece by piece, all pieces of one version. */
import { type Digest, hexOf } from '../../storage/digest.ts';
import { isKey } from '../../storage/keys.ts';
import type { ObjectInfo, ObjectStore, StoredObject } from '../../storage/types.ts';
import { noSuchKey, S3Error } from './errors.ts';
import { formatEtag } from './etag.ts';
import { isNotModified, readRange, type Span } from './preconditions.ts';

/** Bytes of a piece: the memory of a download. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Attempts at reading an object that is replaced meanwhile. */
const ATTEMPTS = 5;

export interface ReadOptions {
  readonly store: ObjectStore;
  /** The sha256 of the object's bytes, if it is known. */
  readonly sha256Of: (info: ObjectInfo) => Digest | undefined;
}

/** @throws S3Error NoSuchKey, PreconditionFailed, InvalidRange */
export async function readObject(
  { store, sha256Of }: ReadOptions,
  method: 'GET' | 'HEAD',
  key: string,
  headers: Headers,
): Promise<Response> {
  // Folder browsers ask for keys with a "/" at the end. No key of ours ends so.
  if (key.endsWith('/') && isKey(key.slice(0, -1))) throw noSuchKey(key);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const info = await store.head(key);
    if (info === undefined) throw noSuchKey(key);
    if (isNotModified(headers, info)) {
      return new Response(null, {
        status: 304,
        headers: { etag: formatEtag(info.etag), 'last-modified': info.lastModified.toUTCString() },
      });
    }
    const range = readRange(headers, info);
    const span = range ?? { start: 0, end: info.size - 1 };
    const answer = describeObject(info, span, range !== undefined);
    const digest = sha256Of(info);
    if (
      range === undefined &&
      digest !== undefined &&
      headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
    ) {
      answer.headers.set('x-amz-checksum-sha256', Buffer.from(hexOf(digest), 'hex').toString('base64'));
      answer.headers.set('x-amz-checksum-type', 'FULL_OBJECT');
    }
    if (method === 'HEAD' || info.size === 0) return new Response(null, answer);
    // Reads the first piece before the answer begins, so that a failure can still become an error answer.
    const first = await readPiece(store, info, span.start, span.end);
    if (first !== undefined) return new Response(streamRest(store, info, first, span), answer);
  }
  throw new S3Error('SlowDown', 'the object was replaced again and again while it was read');
}

function describeObject(
  info: ObjectInfo,
  { start, end }: Span,
  isRange: boolean,
): { status: number; headers: Headers } {
  const headers = new Headers({
    'accept-ranges': 'bytes',
    'content-length': String(end - start + 1),
    'content-type': info.mediaType ?? 'binary/octet-stream',
    etag: formatEtag(info.etag),
    'last-modified': info.lastModified.toUTCString(),
    // A browser may open a presigned URL. The content must not act as a page of this site.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  });
  if (isRange) headers.set('content-range', `bytes ${start}-${end}/${info.size}`);
  return { status: isRange ? 206 : 200, headers };
}

/** Undefined if the object has another version by now. */
async function readPiece(
  store: ObjectStore,
  info: ObjectInfo,
  start: number,
  last: number,
): Promise<Uint8Array | undefined> {
  const end = Math.min(start + PIECE_BYTES - 1, last);
  let piece: StoredObject | undefined;
  try {
    piece = await store.get(info.key, { start, end });
  } catch (error) {
    // A shorter version may lack the range.
    if ((await store.head(info.key))?.etag === info.etag) throw error;
    return undefined;
  }
  return piece?.etag === info.etag && piece.body.length === end - start + 1 ? piece.body : undefined;
}

/** Streams the pieces. A download that fails breaks off, and the client misses bytes that content-length announced. */
function streamRest(store: ObjectStore, info: ObjectInfo, first: Uint8Array, span: Span): ReadableStream<Uint8Array> {
  let at = span.start;
  let ready: Uint8Array | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      const piece = ready ?? (await readPiece(store, info, at, span.end));
      ready = undefined;
      if (piece === undefined) throw new S3Error('InternalError', 'the object was replaced while it was read');
      controller.enqueue(piece);
      at += piece.length;
      if (at > span.end) controller.close();
    },
  });
}
