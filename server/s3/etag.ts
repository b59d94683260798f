/**
 * @file Versions as ETags. S3 clients take an ETag without a "-" for the MD5 of the bytes, and some (s3cmd) refuse a
 * transfer if it differs. With a "-" and a number of parts, as after a multipart upload, an ETag is opaque to all
 * clients.
 */
import type { Etag } from '../../storage/types.ts';

const SUFFIX = '-1';

/** The ETag of a version, with quotes. */
export function formatEtag(etag: Etag): string {
  return `"${etag}${SUFFIX}"`;
}

/** The version that an ETag names, quoted or not; undefined if no version has such an ETag. */
function parseEtag(text: string): Etag | undefined {
  const bare = text.trim().replace(/^"(.*)"$/, '$1');
  return bare.endsWith(SUFFIX) ? (bare.slice(0, -SUFFIX.length) as Etag) : undefined;
}

/** Whether a list of ETags (`"a", "b"`, or `*`) contains this version. */
export function matchesEtag(header: string, etag: Etag): boolean {
  return header.split(',').some(each => each.trim() === '*' || parseEtag(each.trim().replace(/^W\//, '')) === etag);
}
