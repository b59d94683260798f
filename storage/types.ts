/** @file The interface of object stores: the part of the S3 data model that every driver can promise. */
import type { Digest } from './digest.ts';

/** Opaque version of a stored object. Under one key, equal etags mean equal bytes. */
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
  /** Keys that contain the delimiter after the prefix are rolled up into `prefixes`. */
  readonly delimiter?: string;
}

export interface ListResult {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  /** `after` of the next page; absent on the last page. */
  readonly next?: string;
}

export interface PutOptions {
  /** `*`: only create. PreconditionFailed when the key exists. */
  readonly ifNoneMatch?: '*';
  /** Replace only this version. PreconditionFailed when the key has another version or does not exist. */
  readonly ifMatch?: Etag;
  /** Default: by the suffix of the key (media-type.ts). */
  readonly mediaType?: string;
}

/** A body in a file on this machine, already hashed: for bytes that are too large for memory. */
export interface FileBody {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** A file body that the store itself wrote: {@link ObjectStore.spool}. */
export interface SpooledBody extends FileBody {
  /** Deletes the file. Call it after the put, and also if there is no put. */
  discard(): Promise<void>;
}

/**
 * An object store. Every driver passes storage/testing/conformance.ts.
 *
 * Reads see every write that has returned. A put is all or nothing, and durable when it returns. A driver never retries
 * a conditional put: PreconditionFailed and Conflict mean that nothing was written, Ambiguous means that the write may
 * have been committed.
 */
export interface ObjectStore {
  /** `file:/path`, `memory:` or `s3://bucket?endpoint=...`, without secrets. */
  readonly url: string;
  /** @throws InvalidInput when the range is malformed or starts at or past the end (416 in HTTP). */
  get(key: string, range?: ByteRange): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  /** Does nothing for an absent key. */
  delete(key: string): Promise<void>;
  put(key: string, body: Uint8Array | FileBody, options?: PutOptions): Promise<{ readonly etag: Etag }>;
  /**
   * Makes `to` an object with the bytes and type of `from`, replacing any object there: a hard link in a folder, a copy
   * by the store itself in S3.
   * @throws NotFound when `from` does not exist.
   */
  copy(from: string, to: string): Promise<void>;
  /**
   * Writes a stream of any length to a file, in constant memory. `put` takes it from there, without a copy if it can.
   * When the stream is asked for the next chunk, it may write into the memory of the chunk before.
   */
  spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody>;
  close(): Promise<void>;
}

/**
 * Checksums of the parts of a column (storage/blobs/column-sums.ts), CRC-32: of the head; then two for each member, in
 * the order of the column: of its start, and of the rest.
 */
export type ColumnSums = Uint32Array;

/** Blobs under their sha256, verified when written and when read (storage/blobs/cas.ts). */
export interface BlobStore {
  /** Stores the bytes, unless they are stored already and young enough (lifetimes.ts). */
  put(bytes: Uint8Array, mediaType?: string): Promise<BlobRef>;
  /** @throws BlobMissing when absent, Corrupt when the bytes do not match. */
  get(digest: Digest): Promise<Uint8Array>;
  /** A range of a blob, not verified: only the whole blob has a digest. @throws BlobMissing */
  getRange(digest: Digest, range: ByteRange): Promise<Uint8Array>;
  /**
   * The checksums by which `openColumn` verifies parts of a column. Reads and verifies the whole column, unless its
   * sums are remembered.
   * @param options `again`: forgets the remembered sums, since something did not fit.
   * @throws BlobMissing, Corrupt; Unprocessable when the blob is no column.
   */
  sumColumn(column: Digest, options?: { readonly again?: boolean }): Promise<ColumnSums>;
  head(digest: Digest): Promise<BlobRef | undefined>;
  /**
   * As `head`, and gc keeps the blob, and all blobs that it links, for at least half of its grace period. @throws
   * Corrupt
   */
  keep(digest: Digest): Promise<BlobRef | undefined>;
}

export interface PutStreamOptions {
  /** Default: application/octet-stream. */
  readonly mediaType?: string | undefined;
  /** The digest that the sender claims. */
  readonly expected?: Digest;
}

/** A blob store that also takes and gives streams, for blobs that are too large for memory. */
export interface StreamedBlobStore extends BlobStore {
  /**
   * Stores a stream as one blob, in constant memory. Stores nothing when the stream breaks. When the stream is asked
   * for the next chunk, it may write into the memory of the chunk before.
   * @throws Unprocessable when the bytes do not have the expected digest; errors of the stream pass through.
   */
  putStream(chunks: AsyncIterable<Uint8Array>, options?: PutStreamOptions): Promise<BlobRef>;
  /**
   * The bytes of a blob in pieces. They are verified before the last piece is given out, so a complete stream is a
   * correct blob.
   * @throws BlobMissing, Corrupt
   */
  stream(digest: Digest): AsyncIterable<Uint8Array>;
}

/** A stored blob, as results describe their outputs. */
export interface BlobRef {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly media_type: string;
}
