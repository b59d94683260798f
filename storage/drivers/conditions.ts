/** @file Versions and conditional writes, for drivers that check conditions themselves. */
import { NotFound, PreconditionFailed } from '../../errors.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../digest.ts';
import type { Etag, PutOptions } from '../types.ts';

/** The etag of these bytes: the hexadecimal digits of their sha256. */
export function etagOf(body: Uint8Array): Etag {
  return hexOf(digestOf(body)) as Etag;
}

/** The digest in an etag of {@link etagOf}; undefined for any other etag. */
export function digestOfEtag(etag: Etag): Digest | undefined {
  const digest = `sha256:${etag}`;
  return isDigest(digest) ? digest : undefined;
}

/** @throws PreconditionFailed */
export function checkCondition(key: string, current: Etag | undefined, options: PutOptions): void {
  if (options.ifNoneMatch === '*' && current !== undefined) {
    throw new PreconditionFailed(`"${key}" exists`, { expected: 'no such key', hint: 'read it, then decide' });
  }
  if (options.ifMatch !== undefined && current !== options.ifMatch) {
    throw new PreconditionFailed(
      current === undefined ? `"${key}" does not exist` : `"${key}" has changed: its version is now ${current}`,
      { expected: `version ${options.ifMatch}`, hint: 'read it again, then decide' },
    );
  }
}

/** Error for a copy whose source does not exist. */
export function noSuchKey(key: string): NotFound {
  return new NotFound(`there is no object "${key}"`, { expected: 'the key of a stored object' });
}
