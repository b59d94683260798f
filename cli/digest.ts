/** @file sha256 of bytes, as files are pinned and as objects of a store are named. */
import { createHash } from 'node:crypto';

/** Lower-case hexadecimal. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The digest of an object: `sha256:HEX`. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Of(bytes)}`;
}
