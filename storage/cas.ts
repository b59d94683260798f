/** @file Blobs under their sha256, in any object store. Equal bytes are one blob. */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { BlobMissing, Corrupt } from '../errors.ts';
import { type Digest, digestOf, parseDigest } from './digest.ts';
import { blobKey } from './keys.ts';
import { DEFAULT_MEDIA_TYPE } from './media-type.ts';
import type { BlobRef, BlobStore, ByteRange, ObjectStore } from './types.ts';

/** Hashed at a time: about 4 ms. */
const SLICE_BYTES = 8 << 20;

/** Writing is idempotent: a put that was interrupted, or of which the answer was lost, is simply made again. */
export function createBlobStore(store: ObjectStore): BlobStore {
  async function head(digest: Digest): Promise<BlobRef | undefined> {
    const info = await store.head(blobKey(digest));
    return info && { digest, size: info.size, media_type: info.mediaType ?? DEFAULT_MEDIA_TYPE };
  }

  return {
    head,

    async put(bytes: Uint8Array, mediaType = DEFAULT_MEDIA_TYPE): Promise<BlobRef> {
      const digest = await digestBlob(bytes);
      const ref: BlobRef = { digest, size: bytes.length, media_type: mediaType };
      // Another size is a blob that was damaged, which this put repairs.
      if ((await head(digest))?.size !== bytes.length) await store.put(blobKey(digest), bytes, { mediaType });
      return ref;
    },

    async get(digest: Digest): Promise<Uint8Array> {
      const stored = await store.get(blobKey(digest));
      if (!stored) throw missing(digest);
      const actual = await digestBlob(stored.body);
      if (actual !== digest) {
        throw new Corrupt(`the blob ${digest} is damaged: its bytes have the digest ${actual}`, {
          details: { digest },
          hint: `delete "${blobKey(digest)}" from ${store.url}; the call that made it makes it again`,
        });
      }
      return stored.body;
    },

    async getRange(digest: Digest, range: ByteRange): Promise<Uint8Array> {
      const stored = await store.get(blobKey(digest), range);
      if (!stored) throw missing(digest);
      return stored.body;
    },
  };
}

/** Lets others run between slices of some milliseconds. */
async function digestBlob(bytes: Uint8Array): Promise<Digest> {
  if (bytes.length <= SLICE_BYTES) return digestOf(bytes);
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    hash.update(bytes.subarray(at, at + SLICE_BYTES));
    await setImmediate();
  }
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

function missing(digest: Digest): BlobMissing {
  return new BlobMissing(`there is no blob ${digest}`, {
    details: { digest },
    expected: 'the digest of a stored blob',
    hint: 'repeat the call that made it',
  });
}
