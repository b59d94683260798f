/**
 * @file What the documents of a checkpoint say of its quality: the validation suite, the table of quality, the check
 * for copies. A run without one of them has no such numbers. The documents have more; a comparison reads what it needs,
 * so that a newer one with more parts is readable, too.
 */
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readMemorization } from './memorization-evidence.ts';
import { readEvaluation } from './quality-evidence.ts';
import type { Scored } from './scored.ts';
import { readSuite } from './suite-evidence.ts';

type Reader = (blobs: BlobStore, digest: Digest) => Promise<readonly Scored[]>;

/** By the key of the artifact in a chunk. */
const READERS: Readonly<Record<string, Reader>> = {
  suite: readSuite,
  evaluation: readEvaluation,
  memorization: readMemorization,
};

export async function readEvidence(
  blobs: BlobStore,
  artifacts: Readonly<Record<string, Digest>>,
): Promise<readonly Scored[]> {
  const found = await Promise.all(
    Object.entries(READERS).map(([artifact, read]) => {
      const digest = artifacts[artifact];
      return digest ? read(blobs, digest) : [];
    }),
  );
  return found.flat();
}
