/** @file A bucket of MinIO, Amazon S3 or a similar store. The only file that imports the AWS SDK. */
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type AppError, Internal, Unreachable } from '../../../errors.ts';
import { digestOf, hexOf } from '../../digest.ts';
import { checkKey, digestOfBlobKey } from '../../keys.ts';
import { mediaTypeOfKey } from '../../media-type.ts';
import type {
  ByteRange,
  Etag,
  FileBody,
  ListOptions,
  ListResult,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  SpooledBody,
  StoredObject,
} from '../../types.ts';
import { noSuchKey } from '../conditions.ts';
import { formatRange, resolveRange } from '../range.ts';
import { isFileBody, spoolTo } from '../spool.ts';
import { createAgents } from './agents.ts';
import { checksumOf, readBody } from './body.ts';
import { withDeadline } from './deadline.ts';
import { explainFailure, type S3Request } from './failures.ts';
import { listPages, type Page, type PageQuery } from './listing.ts';
import { parseS3Url, type S3Location } from './url.ts';

/** Timeouts in milliseconds. */
export interface S3Timeouts {
  /** For a connection. */
  readonly connectMs: number;
  /** While nothing is sent or received. */
  readonly idleMs: number;
  /** For a whole request, plus a second for each mebibyte. */
  readonly requestMs: number;
}

const TIMEOUTS: S3Timeouts = { connectMs: 5000, idleMs: 60_000, requestMs: 30_000 };
const MAX_OBJECT_BYTES = 2 ** 30;
/** Region without a setting; most stores other than Amazon's use it. */
const DEFAULT_REGION = 'us-east-1';
const NOT_IMPLEMENTED = 501;

/**
 * Opens the bucket that the URL names (see {@link parseS3Url}) as a store; sends nothing yet. Each call is one attempt:
 * only storage/patience.ts retries.
 * @throws InvalidInput
 */
export function openS3Store(url: string, timeouts: Partial<S3Timeouts> = {}): ObjectStore {
  return new S3Store(parseS3Url(url), { ...TIMEOUTS, ...timeouts });
}

const ignore = () => {};
/** The SDK logs nothing: its failures are thrown. */
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

class S3Store implements ObjectStore {
  readonly url: string;
  readonly #location: S3Location;
  readonly #timeouts: S3Timeouts;
  readonly #client: S3Client;
  /** The store has answered that it cannot copy. */
  #copiesByHand = false;

  constructor(location: S3Location, timeouts: S3Timeouts) {
    this.url = location.url;
    this.#location = location;
    this.#timeouts = timeouts;
    const { endpoint, region = endpoint && DEFAULT_REGION } = location;
    this.#client = new S3Client({
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
      ...(region !== undefined && { region }),
      // A retry by the SDK could find its own first attempt and report a committed write as rejected.
      maxAttempts: 1,
      // This file sends and checks the sha256. Some stores do not understand the checksums that the SDK adds by
      // default.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
      logger: SILENT,
      requestHandler: { ...createAgents(timeouts.connectMs), socketTimeout: timeouts.idleMs },
    });
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    const command = new GetObjectCommand({ ...this.#name(key), ...(range && { Range: formatRange(range) }) });
    // Sets the header itself: with its own option, the SDK would hash the body a second time.
    if (!range) addHeaders(command, { 'x-amz-checksum-mode': 'ENABLED' });
    return this.#attempt({ kind: 'read', key }, async (signal, prolong) => {
      const answer = await absent(this.#client.send(command, { abortSignal: signal }), ['NoSuchKey']);
      if (answer === undefined) return undefined;
      const stream = answer.Body;
      if (!(stream instanceof Readable)) throw new Internal(`"${key}" came without a body`);
      const stop = () => stream.destroy(signal.reason);
      signal.addEventListener('abort', stop);
      try {
        const length = answer.ContentLength;
        prolong(length ?? MAX_OBJECT_BYTES);
        const blob = digestOfBlobKey(key);
        const sha256 = range ? undefined : (answer.ChecksumSHA256 ?? (blob && checksumOf(blob)));
        const body = await readBody(stream, { length, sha256 }, `"${key}" of ${this.url}`);
        const total = /^bytes \d+-\d+\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
        if (range && total === undefined) {
          // The store ignores the range and sends the whole object, as HTTP allows.
          const { start, end } = resolveRange(body.length, range);
          return { ...this.#describe(key, answer, body.length), body: body.slice(start, end) };
        }
        return { ...this.#describe(key, answer, total === undefined ? body.length : Number(total)), body };
      } finally {
        signal.removeEventListener('abort', stop);
        stream.destroy();
      }
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const command = new HeadObjectCommand(this.#name(key));
    return this.#attempt({ kind: 'read', key }, async signal => {
      const answer = await absent(this.#client.send(command, { abortSignal: signal }), ['NotFound', 'NoSuchKey']);
      return answer && this.#describe(key, answer, answer.ContentLength);
    });
  }

  list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    return listPages(prefix, options, query => this.#fetchPage(query));
  }

  async #fetchPage(query: PageQuery): Promise<Page> {
    const inBucket = (key: string) => this.#location.prefix + key;
    const command = new ListObjectsV2Command({
      Bucket: this.#location.bucket,
      Prefix: inBucket(query.prefix),
      MaxKeys: query.maxKeys,
      // XML cannot represent every key.
      EncodingType: 'url',
      ...(query.delimiter !== undefined && { Delimiter: query.delimiter }),
      ...(query.startAfter !== undefined && { StartAfter: inBucket(query.startAfter) }),
    });
    return this.#attempt({ kind: 'read', key: query.prefix }, async signal => {
      const answer = await this.#client.send(command, { abortSignal: signal });
      // Another answer must not count as an empty listing: whole folders of the store would seem to be gone.
      if (answer.IsTruncated === undefined) throw new Unreachable(`${this.url} answered without a listing`);
      const decode = (name = '') =>
        answer.EncodingType === 'url' ? decodeURIComponent(name.replaceAll('+', ' ')) : name;
      const fromAnswer = (name: string | undefined) => decode(name).slice(this.#location.prefix.length);
      const objects = (answer.Contents ?? []).map(each => {
        const key = fromAnswer(each.Key);
        return this.#describe(key, each, each.Size);
      });
      const prefixes = (answer.CommonPrefixes ?? []).map(each => fromAnswer(each.Prefix));
      return { objects, prefixes, truncated: answer.IsTruncated };
    });
  }

  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#name(key));
    await this.#attempt({ kind: 'write', key }, signal =>
      absent(this.#client.send(command, { abortSignal: signal }), ['NoSuchKey']),
    );
  }

  async put(key: string, body: Uint8Array | FileBody, options: PutOptions = {}): Promise<{ readonly etag: Etag }> {
    const name = this.#name(key);
    const size = isFileBody(body) ? body.size : body.length;
    const digest = digestOfBlobKey(key) ?? (isFileBody(body) ? body.digest : digestOf(body));
    const conditional = options.ifNoneMatch !== undefined || options.ifMatch !== undefined;
    return this.#attempt({ kind: 'write', key, conditional }, async (signal, prolong) => {
      prolong(size);
      const failed = new AbortController();
      const stream = isFileBody(body) && size > 0 ? createReadStream(body.path, { end: size - 1 }) : undefined;
      stream?.once('error', error => failed.abort(error));
      const command = new PutObjectCommand({
        ...name,
        Body: stream ?? (isFileBody(body) ? new Uint8Array() : body),
        ContentLength: size,
        ContentType: options.mediaType ?? mediaTypeOfKey(key),
        ChecksumSHA256: checksumOf(digest),
        ...(options.ifNoneMatch !== undefined && { IfNoneMatch: options.ifNoneMatch }),
        ...(options.ifMatch !== undefined && { IfMatch: `"${options.ifMatch}"` }),
      });
      // The signature covers this digest. The SDK would compute it again, and would leave it out for a stream.
      addHeaders(command, { 'x-amz-content-sha256': hexOf(digest) });
      try {
        const abortSignal = AbortSignal.any([signal, failed.signal]);
        const answer = await this.#client.send(command, { abortSignal });
        return { etag: this.#readEtag(key, answer.ETag) };
      } catch (error) {
        if (!failed.signal.aborted) throw error;
        // Fewer bytes were sent than announced, so no store makes an object of them.
        throw new Internal(`the file to be put as "${key}" cannot be read`, { cause: failed.signal.reason });
      } finally {
        stream?.destroy();
      }
    });
  }

  async copy(from: string, to: string): Promise<void> {
    const [source, target] = [this.#name(from), this.#name(to)];
    if (from === to) {
      // S3 refuses a copy onto itself.
      if (!(await this.head(from))) throw noSuchKey(from);
      return;
    }
    if (!this.#copiesByHand && (await this.#copyInStore(source, target, from, to))) return;
    const stored = await this.get(from);
    if (!stored) throw noSuchKey(from);
    await this.put(to, stored.body, stored.mediaType === undefined ? {} : { mediaType: stored.mediaType });
  }

  /** False when the store cannot copy. */
  async #copyInStore(source: ObjectName, target: ObjectName, from: string, to: string): Promise<boolean> {
    const path = source.Key.split('/').map(encodeURIComponent).join('/');
    const command = new CopyObjectCommand({ ...target, CopySource: `${source.Bucket}/${path}` });
    return this.#attempt({ kind: 'write', key: to }, async (signal, prolong) => {
      prolong(MAX_OBJECT_BYTES);
      try {
        const copied = await absent(this.#client.send(command, { abortSignal: signal }), ['NoSuchKey']);
        if (copied === undefined) throw noSuchKey(from);
        return true;
      } catch (error) {
        if (statusOf(error) !== NOT_IMPLEMENTED) throw error;
        this.#copiesByHand = true;
        return false;
      }
    });
  }

  spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
    return spoolTo(tmpdir(), chunks);
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  /** @throws InvalidInput */
  #name(key: string): ObjectName {
    checkKey(key);
    const full = this.#location.prefix + key;
    checkKey(full);
    return { Bucket: this.#location.bucket, Key: full };
  }

  /** Calls `run` with a deadline, which it may prolong for bytes to transfer, and translates its failure. */
  async #attempt<T>(
    request: S3Request,
    run: (signal: AbortSignal, prolong: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    try {
      return await withDeadline(this.#timeouts.requestMs, run);
    } catch (error) {
      throw explainFailure(error, request, this.#location);
    }
  }

  #describe(key: string, answer: Described, size: number | undefined): ObjectInfo {
    const { ETag, LastModified, ContentType } = answer;
    if (size === undefined || LastModified === undefined) throw this.#unfit(`the size and time of "${key}"`);
    return {
      key,
      etag: this.#readEtag(key, ETag),
      size,
      lastModified: LastModified,
      ...(ContentType !== undefined && { mediaType: ContentType }),
    };
  }

  #readEtag(key: string, etag: string | undefined): Etag {
    // Proxies that compress turn it into a weak ETag.
    const version = /^(?:W\/)?"?([^"]+)"?$/.exec(etag ?? '')?.[1];
    if (!version) throw this.#unfit(`the ETag of "${key}"`);
    return version as Etag;
  }

  #unfit(missing: string): AppError {
    return new Internal(`the store ${this.url} does not tell ${missing}`, {
      hint: 'check that the endpoint is the endpoint of an S3 store, and that no proxy removes headers',
    });
  }
}

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

interface Described {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly ContentType?: string | undefined;
}

/** Undefined when the store answers with one of these codes of a missing object. */
async function absent<T>(answer: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404 && error instanceof Error && codes.includes(error.name)) return undefined;
    throw error;
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Sets headers before the request is signed. */
function addHeaders(
  command: { readonly middlewareStack: GetObjectCommand['middlewareStack'] | PutObjectCommand['middlewareStack'] },
  headers: Readonly<Record<string, string>>,
): void {
  const { middlewareStack } = command as { readonly middlewareStack: GetObjectCommand['middlewareStack'] };
  middlewareStack.add(
    next => args => {
      Object.assign((args.request as { readonly headers: Record<string, string> }).headers, headers);
      return next(args);
    },
    { step: 'build', name: 'addHeaders' },
  );
}
