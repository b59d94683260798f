/** @file Bodies on the wire: counted, hashed in passing, and compared with what the store says of them. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Corrupt, Unreachable } from '../../../errors.ts';
import { type Digest, hexOf } from '../../digest.ts';

/** The digest as S3 writes checksums: in base64. */
export function checksumOf(digest: Digest): string {
  return Buffer.from(hexOf(digest), 'hex').toString('base64');
}

/** What the head of an answer says of the body that follows. */
export interface ExpectedBody {
  /** Bytes; absent when the store does not say. */
  readonly length: number | undefined;
  /** As of {@link checksumOf}; absent when it is not known, and for a part of an object. */
  readonly sha256: string | undefined;
}

/**
 * Reads all of it into an array of its own.
 * @param what names it in errors.
 * @throws Unreachable when it ends early, Corrupt when its sha256 is another.
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
    throw new Corrupt(`${what} has other bytes than were put: its sha256 is not that which the store keeps with it`, {
      hint: 'if it stays so when read again, delete it; what made it makes it again',
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
