/** @file Blobs under their sha256 in any object store. Equal bytes are one blob. */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { BlobMissing, Corrupt, PreconditionFailed, Unprocessable } from '../../errors.ts';
import { type Digest, digestOf, parseDigest } from '../digest.ts';
import { isOld, LIFETIMES, type Lifetimes } from '../gc/lifetimes.ts';
import { waitForSweep } from '../gc/sweep-lock.ts';
import { blobKey } from '../keys.ts';
import { DEFAULT_MEDIA_TYPE } from '../media-type.ts';
import type {
  BlobRef,
  BlobStore,
  ByteRange,
  ColumnSums,
  FileBody,
  ObjectInfo,
  ObjectStore,
  StreamedBlobStore,
} from '../types.ts';
import { type SumsMemory, sumPieces } from './column-sums.ts';
import { createSumsMemory } from './sums-memory.ts';

/** Bytes hashed at a time: about 4 ms. */
const SLICE_BYTES = 8 << 20;
/** Longest stream that is held in memory; longer ones go through a file. */
const IN_MEMORY_BYTES = 1 << 20;
/** Bytes of one read while a blob is streamed. */
export const PIECE_BYTES = 4 << 20;

/**
 * Puts are idempotent: repeat a put that was interrupted or whose answer was lost.
 * @param sums Where checksums of columns are kept; default: in memory.
 */
export function createBlobStore(
  store: ObjectStore,
  lifetimes: Lifetimes = LIFETIMES,
  sums: SumsMemory = createSumsMemory(),
): StreamedBlobStore {
  const summing = new Map<Digest, Promise<ColumnSums>>();

  function refOf(digest: Digest, info: ObjectInfo): BlobRef {
    return { digest, size: info.size, media_type: info.mediaType ?? DEFAULT_MEDIA_TYPE };
  }

  async function head(digest: Digest): Promise<BlobRef | undefined> {
    const info = await store.head(blobKey(digest));
    return info && refOf(digest, info);
  }

  async function putBody(
    digest: Digest,
    body: Uint8Array | FileBody,
    mediaType = DEFAULT_MEDIA_TYPE,
  ): Promise<BlobRef> {
    const size = body instanceof Uint8Array ? body.length : body.size;
    const key = blobKey(digest);
    const info = await store.head(key);
    // A different size means that the stored blob is damaged: this put repairs it.
    if (info === undefined || info.size !== size || isOld(info, lifetimes)) {
      await store.put(key, body, { mediaType });
      const mayBeGone = info !== undefined && (await waitForSweep(store, lifetimes.clock));
      if (mayBeGone && !(await store.head(key))) await store.put(key, body, { mediaType });
    }
    return { digest, size, media_type: mediaType };
  }

  async function getRange(digest: Digest, range: ByteRange): Promise<Uint8Array> {
    const stored = await store.get(blobKey(digest), range);
    if (!stored) throw missing(digest);
    return stored.body;
  }

  async function get(digest: Digest): Promise<Uint8Array> {
    const stored = await store.get(blobKey(digest));
    if (!stored) throw missing(digest);
    const actual = await digestBlob(stored.body);
    if (actual !== digest) throw damaged(digest, actual);
    return stored.body;
  }

  function damaged(digest: Digest, actual: Digest): Corrupt {
    return new Corrupt(`the blob ${digest} is damaged: its bytes have the digest ${actual}`, {
      details: { digest },
      hint:
        'run "easel verify --repair", which makes it again if a call made it; or ' +
        `delete "${blobKey(digest)}" from ${store.url}, and repeat that call`,
    });
  }

  async function* stream(digest: Digest): AsyncGenerator<Uint8Array> {
    const ref = await head(digest);
    if (!ref) throw missing(digest);
    const empty = digestOf('');
    if (ref.size === 0 && digest !== empty) throw damaged(digest, empty);
    const hash = createHash('sha256');
    for (let at = 0; at < ref.size; at += PIECE_BYTES) {
      const piece = await getRange(digest, { start: at, end: at + PIECE_BYTES - 1 });
      hash.update(piece);
      const isLast = at + PIECE_BYTES >= ref.size;
      const actual = isLast ? parseDigest(`sha256:${hash.digest('hex')}`) : digest;
      if (actual !== digest) throw damaged(digest, actual);
      yield piece;
    }
  }

  async function makeSums(column: Digest): Promise<ColumnSums> {
    try {
      const made = await sumPieces(stream(column));
      await sums.write(column, made);
      return made;
    } finally {
      summing.delete(column);
    }
  }

  return {
    head,
    get,
    getRange,
    stream,

    async sumColumn(column, { again = false } = {}) {
      const known = again ? undefined : await sums.read(column);
      if (known) return known;
      const made = summing.get(column) ?? makeSums(column);
      summing.set(column, made);
      return made;
    },

    async put(bytes, mediaType) {
      return putBody(await digestBlob(bytes), bytes, mediaType);
    },

    async putStream(chunks, { mediaType, expected } = {}) {
      const begun = await gather(chunks);
      if (begun instanceof Uint8Array) {
        const digest = digestOf(begun);
        checkExpected(digest, expected);
        return putBody(digest, begun, mediaType);
      }
      const spooled = await store.spool(begun);
      try {
        checkExpected(spooled.digest, expected);
        return await putBody(spooled.digest, spooled, mediaType);
      } finally {
        await spooled.discard();
      }
    },

    async keep(digest) {
      const key = blobKey(digest);
      const info = await store.head(key);
      if (!info || !isOld(info, lifetimes)) return info && refOf(digest, info);
      try {
        // With If-Match: a blob deleted meanwhile must not come back without the blobs that it links.
        await store.put(key, await get(digest), {
          ifMatch: info.etag,
          ...(info.mediaType && { mediaType: info.mediaType }),
        });
      } catch (error) {
        if (error instanceof BlobMissing || error instanceof PreconditionFailed) return undefined;
        throw error;
      }
      return (await waitForSweep(store, lifetimes.clock)) ? head(digest) : refOf(digest, info);
    },
  };
}

/** The first of `digests` that `look` does not find; undefined when it finds all. */
export async function findMissing(
  digests: readonly Digest[],
  look: BlobStore['head'] | BlobStore['keep'],
): Promise<Digest | undefined> {
  const found = await Promise.all(digests.map(digest => look(digest)));
  return digests.find((_, i) => found[i] === undefined);
}

/** The bytes of a short stream; a longer stream unchanged. Copies what it holds while it asks for the next chunk. */
async function gather(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const rest = chunks[Symbol.asyncIterator]();
  const begun: Uint8Array[] = [];
  for (let size = 0; size <= IN_MEMORY_BYTES; ) {
    const next = await rest.next();
    if (next.done) return Buffer.concat(begun);
    size += next.value.byteLength;
    begun.push(size <= IN_MEMORY_BYTES ? Uint8Array.from(next.value) : next.value);
  }
  return (async function* () {
    try {
      yield* begun;
      yield* { [Symbol.asyncIterator]: () => rest };
    } finally {
      await rest.return?.();
    }
  })();
}

/** The digest of many bytes. Yields to the event loop every few milliseconds. */
export async function digestBlob(bytes: Uint8Array): Promise<Digest> {
  if (bytes.length <= SLICE_BYTES) return digestOf(bytes);
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    hash.update(bytes.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

/** @throws Unprocessable */
function checkExpected(actual: Digest, expected = actual): void {
  if (actual === expected) return;
  throw new Unprocessable(`the digest of the body is ${actual}`, {
    expected,
    hint: 'send the body again, or POST it to /objects, which answers with its digest',
  });
}

function missing(digest: Digest): BlobMissing {
  return new BlobMissing(`there is no blob ${digest}`, {
    details: { digest },
    expected: 'the digest of a stored blob',
    hint: 'repeat the call that made it',
  });
}
