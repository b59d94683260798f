/** @file Names of files, which Linux stores as bytes in any encoding. */
import { isUtf8 } from 'node:buffer';

const MOST_BYTES = 4;

/**
 * The name as text. Bytes that are no UTF-8 are escaped, so that different names stay different: 'caf\xe9.png' for a
 * name in Latin-1.
 */
export function decodeFileName(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes).toString('utf8');
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(bytes, at);
    name +=
      length > 0
        ? Buffer.from(bytes.subarray(at, at + length)).toString('utf8')
        : `\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`;
    at += Math.max(1, length);
  }
  return name;
}

/** Bytes of the character in UTF-8 that starts here; 0 if none does. */
function characterBytes(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= MOST_BYTES && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}
