/** @file The object store: the S3 data model, and no more of it than every driver can promise. */
import type { Digest } from './digest.ts';

/** Opaque version of a stored object; equal etags mean equal bytes under one key. */
export type Etag = string & { readonly __brand: 'Etag' };

export interface ObjectInfo {
  readonly key: string;
  readonly etag: Etag;
  /** Bytes of the whole object, also when a range was read. */
  readonly size: number;
  readonly lastModified: Date;
  readonly mediaType?: string;
}

export interface StoredObject extends ObjectInfo {
  readonly body: Uint8Array;
}

/** Bytes `start` to `end`, both inclusive as in HTTP (RFC 9110, section 14.1.2); `end` may lie past the object. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface ListOptions {
  /** Keys strictly after this one, in UTF-8 byte order. */
  readonly after?: string;
  /** At most this many entries (keys and common prefixes together); default 1,000. */
  readonly limit?: number;
  /** Keys that contain it after the prefix are rolled up into `prefixes`. */
  readonly delimiter?: string;
}

export interface ListResult {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  /** Pass as `after` to go on; absent at the end. */
  readonly next?: string;
}

export interface PutOptions {
  /** `*`: create only, PreconditionFailed when the key exists. */
  readonly ifNoneMatch?: '*';
  /** Replace only this version: PreconditionFailed when it is another, or absent. */
  readonly ifMatch?: Etag;
  /** Default: what the key's suffix says (media-type.ts). */
  readonly mediaType?: string;
}

/** Bytes in a file on this machine, hashed already: what is too large to be held in memory is put from there. */
export interface FileBody {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** A file body of a store's own, made by {@link ObjectStore.spool}. */
export interface SpooledBody extends FileBody {
  /** Removes the file; to be called when it was put, and when it will not be. */
  discard(): Promise<void>;
}

/**
 * One file = one driver; storage/testing/conformance.ts is what every driver must pass.
 * Reads see every write that has returned. A put is all or nothing and durable when it returns.
 * Conditional puts are never retried by a driver: PreconditionFailed and Conflict are clean rejections, Ambiguous means
 * that it may have been committed.
 */
export interface ObjectStore {
  /** As printed to people: `file:/path`, `memory:`, `s3://bucket?endpoint=...`. */
  readonly url: string;
  /** @throws InvalidInput when the range is malformed or starts at or past the end (HTTP's 416). */
  get(key: string, range?: ByteRange): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  /** Deleting an absent key is no error. */
  delete(key: string): Promise<void>;
  put(key: string, body: Uint8Array | FileBody, options?: PutOptions): Promise<{ readonly etag: Etag }>;
  /**
   * Makes `to` an object of the bytes and type of `from`, over whatever is there: a hard link in a folder, a copy by the store itself in S3.
   * @throws NotFound when there is no `from`.
   */
  copy(from: string, to: string): Promise<void>;
  /** Writes a stream of unknown length to a file from which `put` takes it (in one step where it can), in constant memory. */
  spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody>;
  close(): Promise<void>;
}

/** Blobs under their sha256, verified when written and when read (storage/cas.ts). */
export interface BlobStore {
  /** Stores the bytes unless they are there already, and are not old (lifetimes.ts); returns their digest. */
  put(bytes: Uint8Array, mediaType?: string): Promise<BlobRef>;
  /** @throws BlobMissing when absent, Corrupt when the bytes do not match. */
  get(digest: Digest): Promise<Uint8Array>;
  /** A range of a blob: not verified, since only the whole can be. @throws BlobMissing */
  getRange(digest: Digest, range: ByteRange): Promise<Uint8Array>;
  head(digest: Digest): Promise<BlobRef | undefined>;
  /** The same, for who goes on to rely on it, and on what it links: gc leaves both alone for half of its grace period at least. @throws Corrupt */
  keep(digest: Digest): Promise<BlobRef | undefined>;
}

export interface PutStreamOptions {
  /** Default: application/octet-stream. */
  readonly mediaType?: string | undefined;
  /** What the sender says the digest is. */
  readonly expected?: Digest;
}

/** A blob store through which blobs pass that are too large for memory. */
export interface StreamedBlobStore extends BlobStore {
  /**
   * Stores what the chunks amount to, in constant memory. Nothing is stored when the stream breaks.
   * @throws Unprocessable when the bytes do not have the expected digest, and what the stream throws.
   */
  putStream(chunks: AsyncIterable<Uint8Array>, options?: PutStreamOptions): Promise<BlobRef>;
  /**
   * The bytes of a blob in pieces, verified before the last is handed out: who has them all has the blob.
   * @throws BlobMissing, Corrupt
   */
  stream(digest: Digest): AsyncIterable<Uint8Array>;
}

/** What a result says of each of its outputs. */
export interface BlobRef {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly media_type: string;
}
