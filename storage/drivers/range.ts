import { InvalidInput } from '../../errors.ts';
import type { ByteRange } from '../types.ts';

/**
 * The bytes [start, end) of a range in an object of `size` bytes; the whole object without a range.
 * @throws InvalidInput when the range is malformed or starts at or past the end (HTTP's 416).
 */
export function resolveRange(
  size: number,
  range: ByteRange | undefined,
): { readonly start: number; readonly end: number } {
  if (!range) return { start: 0, end: size };
  const { start, end = size - 1 } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start >= size || end < start) {
    throw new InvalidInput(`the range ${start}-${range.end ?? ''} of an object of ${size} bytes`, {
      expected: 'a start within the object and an end not before it',
    });
  }
  return { start, end: Math.min(end + 1, size) };
}

/** The Range header of HTTP. @throws InvalidInput for a range that no object of any size has. */
export function formatRange(range: ByteRange): string {
  resolveRange(Number.MAX_SAFE_INTEGER, range);
  return `bytes=${range.start}-${range.end ?? ''}`;
}
