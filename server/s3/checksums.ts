/** @file Verifies the checksums that a client sends with its bytes. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Crc64, crc32c, crc64nvme } from './crc.ts';
import { notImplemented, S3Error } from './errors.ts';

export interface Checksum {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

/** Algorithms by the name in `x-amz-checksum-<name>`. */
const ALGORITHMS: Readonly<Record<string, { readonly bytes: number; create(): Checksum }>> = {
  crc32: { bytes: 4, create: () => createCrc(crc32) },
  crc32c: { bytes: 4, create: () => createCrc(crc32c) },
  crc64nvme: { bytes: 8, create: createCrc64 },
  md5: { bytes: 16, create: () => createHash('md5') },
  sha1: { bytes: 20, create: () => createHash('sha1') },
  sha256: { bytes: 32, create: () => createHash('sha256') },
  sha512: { bytes: 64, create: () => createHash('sha512') },
};

const PREFIX = 'x-amz-checksum-';
/** The older header of an MD5 checksum. */
const MD5 = 'content-md5';
/** Headers that begin like a checksum but hold none. */
const NO_CHECKSUMS = new Set([`${PREFIX}algorithm`, `${PREFIX}mode`, `${PREFIX}type`]);

function createCrc(step: (bytes: Uint8Array, crc: number) => number): Checksum {
  let crc = 0;
  return {
    update(bytes) {
      crc = step(bytes, crc);
    },
    digest() {
      const digest = Buffer.alloc(4);
      digest.writeUInt32BE(crc);
      return digest;
    },
  };
}

function createCrc64(): Checksum {
  let crc: Crc64 = { high: 0, low: 0 };
  return {
    update(bytes) {
      crc = crc64nvme(bytes, crc);
    },
    digest() {
      const digest = Buffer.alloc(8);
      digest.writeUInt32BE(crc.high);
      digest.writeUInt32BE(crc.low, 4);
      return digest;
    },
  };
}

/** Computes checksums while a body passes, and compares them with those sent before or behind the body. */
export class ChecksumVerifier {
  readonly #running = new Map<string, Checksum>();
  readonly #expected = new Map<string, Buffer>();

  /**
   * @throws S3Error InvalidDigest for a value that is not base64 of the algorithm's length, NotImplemented for another
   * algorithm.
   */
  constructor(headers: Headers) {
    for (const [name, value] of headers) {
      if (isChecksum(name)) this.#expect(name, value);
    }
    for (const name of trailerNames(headers)) {
      if (isChecksum(name)) this.#start(name);
    }
    const promised = headers.get('x-amz-sdk-checksum-algorithm')?.toLowerCase();
    const names = promised === 'md5' ? [MD5, `${PREFIX}md5`] : [`${PREFIX}${promised}`];
    if (promised !== undefined && !names.some(name => this.#running.has(name))) {
      throw new S3Error(
        'InvalidRequest',
        `x-amz-sdk-checksum-algorithm promises ${promised.slice(0, 20)}, and no such checksum came`,
      );
    }
  }

  update(bytes: Uint8Array): void {
    for (const checksum of this.#running.values()) checksum.update(bytes);
  }

  /**
   * Takes the checksums behind the body. @throws S3Error MalformedTrailerError if the trailers are not those announced.
   */
  addTrailers(headers: Headers, trailers: ReadonlyMap<string, string>): void {
    const names = trailerNames(headers);
    if (names.length !== trailers.size || names.some(name => !trailers.has(name))) {
      throw new S3Error('MalformedTrailerError', 'the trailers are not those that x-amz-trailer announces');
    }
    for (const [name, value] of trailers) {
      if (this.#running.has(name)) this.#expected.set(name, parseDigest(name, value));
    }
  }

  /** @throws S3Error BadDigest */
  verify(): void {
    for (const [name, expected] of this.#expected) {
      const digest = this.#running.get(name)?.digest();
      if (digest?.equals(expected)) continue;
      throw new S3Error(
        'BadDigest',
        `${name} says ${expected.toString('base64')}, and the body has ${digest?.toString('base64')}`,
      );
    }
  }

  #expect(name: string, value: string): void {
    this.#start(name);
    this.#expected.set(name, parseDigest(name, value));
  }

  #start(name: string): void {
    this.#running.set(name, algorithmOf(name).create());
  }
}

function isChecksum(name: string): boolean {
  return name === MD5 || (name.startsWith(PREFIX) && !NO_CHECKSUMS.has(name));
}

function trailerNames(headers: Headers): string[] {
  const names = (headers.get('x-amz-trailer') ?? '').split(',').map(name => name.trim().toLowerCase());
  return [...new Set(names.filter(name => name !== ''))];
}

function algorithmOf(header: string): { readonly bytes: number; create(): Checksum } {
  const name = header === MD5 ? 'md5' : header.slice(PREFIX.length);
  const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (algorithm === undefined) {
    throw notImplemented(`the checksum ${header.slice(0, 60)}`, `known are ${Object.keys(ALGORITHMS).join(', ')}`);
  }
  return algorithm;
}

function parseDigest(header: string, text: string): Buffer {
  const digest = Buffer.from(text, 'base64');
  const { bytes } = algorithmOf(header);
  if (digest.length === bytes && digest.toString('base64') === text) return digest;
  throw new S3Error('InvalidDigest', `${header} is not the base64 of ${bytes} bytes`);
}
