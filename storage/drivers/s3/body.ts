/** @file Reads the bodies of answers: counts and hashes the bytes, and compares both with the headers of the answer. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Corrupt, Unreachable } from '../../../errors.ts';
import { type Digest, hexOf } from '../../digest.ts';

/** The digest in base64, as S3 writes checksums. */
export function checksumOf(digest: Digest): string {
  return Buffer.from(hexOf(digest), 'hex').toString('base64');
}

/** The body that the headers of an answer announce. */
export interface ExpectedBody {
  /** Bytes; undefined when the store does not say. */
  readonly length: number | undefined;
  /** In the form of {@link checksumOf}; undefined when it is unknown, and for a part of an object. */
  readonly sha256: string | undefined;
}

/**
 * Reads a whole body into a new array.
 * @param what Name of the object, for errors.
 * @throws Unreachable when the body ends early, Corrupt when its sha256 differs.
 */
export async function readBody(stream: Readable, expected: ExpectedBody, what: string): Promise<Uint8Array> {
  const { length, sha256 } = expected;
  const hash = sha256 === undefined ? undefined : createHash('sha256');
  const body = length === undefined ? new GrowingBody() : new FixedBody(length);
  for await (const chunk of stream) {
    hash?.update(chunk);
    body.append(chunk);
  }
  if (length !== undefined && body.size !== length) {
    throw new Unreachable(`${what} ended after ${body.size} of ${length} bytes`, { hint: 'retry' });
  }
  if (hash && hash.digest('base64') !== sha256) {
    throw new Corrupt(`${what} has other bytes than were put: its sha256 differs from the stored one`, {
      hint: 'read it again; if it is still wrong, delete it, and the call that made it makes it again',
    });
  }
  return body.bytes();
}

class FixedBody {
  size = 0;
  readonly #bytes: Uint8Array;

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  append(chunk: Uint8Array): void {
    if (this.size + chunk.length <= this.#bytes.length) this.#bytes.set(chunk, this.size);
    this.size += chunk.length;
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }
}

class GrowingBody {
  size = 0;
  readonly #chunks: Uint8Array[] = [];

  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.size += chunk.length;
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#chunks));
  }
}
