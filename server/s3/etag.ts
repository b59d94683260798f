/**
 * @file Versions as S3's clients read them. They take an ETag without a "-" for the MD5 of the bytes, and some refuse an upload or a download
 * over it (s3cmd does); with a "-" and a number of parts, as S3 has it of multipart uploads, it is opaque to all.
 */
import type { Etag } from '../../storage/types.ts';

const SUFFIX = '-1';

/** With the quotes. */
export function formatEtag(etag: Etag): string {
  return `"${etag}${SUFFIX}"`;
}

/** The store's version that a single ETag, quoted or not, names; undefined when none can be that. */
export function parseEtag(text: string): Etag | undefined {
  const bare = text.trim().replace(/^"(.*)"$/, '$1');
  return bare.endsWith(SUFFIX) ? (bare.slice(0, -SUFFIX.length) as Etag) : undefined;
}

/** Whether a list of ETags (`"a", "b"`, or `*`) has this one. */
export function matchesEtag(header: string, etag: Etag): boolean {
  return header.split(',').some(each => each.trim() === '*' || parseEtag(each.trim().replace(/^W\//, '')) === etag);
}
