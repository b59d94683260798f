/**
 * @file The framing of aws-chunked bodies, with signed chunks or without, and with trailers or without (Amazon S3 API
 * reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks").
 */
import { createHash } from 'node:crypto';
import { S3Error } from './errors.ts';
import { type ChunkSigning, isSameSignature, signChunk, signTrailers } from './sigv4.ts';

export interface AwsChunkedOptions {
  /** Bytes of the decoded body. More bytes are refused as they arrive, fewer at the end. */
  readonly decodedLength: number;
  /** Whether trailers follow the last chunk. */
  readonly trailers: boolean;
  /** Absent: chunks are not signed. */
  readonly signing?: ChunkSigning;
}

/** Names in lower case. */
export type Trailers = ReadonlyMap<string, string>;

const MAX_LINE_BYTES = 8 * 1024;
const MAX_TRAILERS = 16;
const TRAILER_SIGNATURE = 'x-amz-trailer-signature';
const CRLF = Buffer.from('\r\n');

/**
 * Yields the bytes as they arrive and returns the trailers. The signature of a chunk covers all its bytes. So the
 * yielded bytes are verified only when the generator has returned.
 * @throws S3Error IncompleteBody, SignatureDoesNotMatch, MalformedTrailerError
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  options: AwsChunkedOptions,
): AsyncGenerator<Uint8Array, Trailers> {
  const reader = new PieceReader(source);
  try {
    return yield* decode(reader, options);
  } finally {
    await reader.close();
  }
}

async function* decode(reader: PieceReader, options: AwsChunkedOptions): AsyncGenerator<Uint8Array, Trailers> {
  const { signing } = options;
  let previous = signing?.seedSignature ?? '';
  let left = options.decodedLength;
  for (;;) {
    const { size, signature } = parseHead(await reader.line(), signing !== undefined);
    if (size > left) throw malformed('has more bytes than x-amz-decoded-content-length says');
    left -= size;
    const hash = signing && createHash('sha256');
    for (let missing = size; missing > 0; ) {
      const piece = await reader.upTo(missing);
      hash?.update(piece);
      missing -= piece.length;
      yield piece;
    }
    if (signing && hash) {
      checkSignature(signature, signChunk(signing, previous, hash.digest('hex')), 'a chunk');
      previous = signature;
    }
    if (size === 0) break;
    if ((await reader.line()) !== '') throw malformed('has a chunk that is longer than it says');
  }
  if (left > 0) throw malformed('has fewer bytes than x-amz-decoded-content-length says');
  const trailers = await readTrailers(reader, options, previous);
  await reader.end();
  return trailers;
}

/** `10000;chunk-signature=<64 digits>`, the size in hexadecimal. */
function parseHead(line: string, signed: boolean): { readonly size: number; readonly signature: string } {
  const [, size, signature] = /^([0-9a-f]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line) ?? [];
  if (size === undefined || signed !== (signature !== undefined)) {
    throw malformed(`has no ${signed ? 'signed chunk' : 'chunk'} where one should start`);
  }
  return { size: Number.parseInt(size, 16), signature: signature ?? '' };
}

async function readTrailers(reader: PieceReader, options: AwsChunkedOptions, previous: string): Promise<Trailers> {
  const trailers = new Map<string, string>();
  let signature: string | undefined;
  let signedText = '';
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const isRepeated = trailers.has(name) || signature !== undefined;
    if (!options.trailers || colon < 1 || isRepeated || trailers.size === MAX_TRAILERS) {
      throw new S3Error('MalformedTrailerError', 'the trailers are malformed, too many, or not announced');
    }
    if (options.signing && name === TRAILER_SIGNATURE) {
      signature = value;
    } else {
      trailers.set(name, value);
      signedText += `${name}:${value}\n`;
    }
  }
  if (options.signing && options.trailers) {
    checkSignature(signature ?? '', signTrailers(options.signing, previous, signedText), 'the trailers');
  }
  return trailers;
}

function checkSignature(given: string, expected: string, what: string): void {
  if (isSameSignature(given, expected)) return;
  throw new S3Error('SignatureDoesNotMatch', `the signature of ${what} in the body does not match`);
}

function malformed(what: string): S3Error {
  return new S3Error('IncompleteBody', `the aws-chunked body ${what}`);
}

/** Reads lines and runs of bytes from pieces that are cut anywhere. */
class PieceReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads a line, without its CR LF. */
  async line(): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.#buffer.indexOf(CRLF, from);
      if (end > MAX_LINE_BYTES || (end < 0 && this.#buffer.length > MAX_LINE_BYTES)) {
        throw malformed('has a line that does not end');
      }
      if (end >= 0) {
        const text = this.#buffer.toString('latin1', 0, end);
        this.#buffer = this.#buffer.subarray(end + CRLF.length);
        return text;
      }
      // The CR may be the last byte of an earlier piece.
      from = Math.max(0, this.#buffer.length - 1);
      await this.#more();
    }
  }

  /** Reads at least one byte and at most `size`. */
  async upTo(size: number): Promise<Uint8Array> {
    if (this.#buffer.length === 0) await this.#more();
    const piece = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(piece.length);
    return piece;
  }

  async end(): Promise<void> {
    while (this.#buffer.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return;
      this.#buffer = Buffer.from(value);
    }
    throw malformed('goes on after its end');
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw malformed('ends in the middle');
    const piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#buffer = this.#buffer.length === 0 ? piece : Buffer.concat([this.#buffer, piece]);
  }
}
