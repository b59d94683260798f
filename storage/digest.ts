import { createHash } from 'node:crypto';
import { DIGEST_PATTERN } from '../configs/stored-names.ts';
import { InvalidInput } from '../errors.ts';

/** `sha256:` and 64 lower-case hexadecimal digits: the name of a blob, an action or any canonical document. */
export type Digest = `sha256:${string}` & { readonly __brand: 'Digest' };

export function isDigest(text: string): text is Digest {
  return DIGEST_PATTERN.test(text);
}

/** @throws InvalidInput when the text is not a digest. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new InvalidInput(`"${text.slice(0, 100)}" is not a digest`, {
    expected: '"sha256:" and 64 lower-case hexadecimal digits',
  });
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The 64 hexadecimal digits, as keys in the store use them. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
