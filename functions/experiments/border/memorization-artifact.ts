/** @file What a check for memorized pictures leaves with the checkpoint. `export` reads its verdict. */
import { type Memorization, memorizationSchema } from '../../../configs/memorization.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { digestSchema } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { artifactKind, type NamedArtifact } from './border-step.ts';

export const MEMORIZATION = 'memorization';

export function readMemorization(blobs: BlobStore, digest: Digest): Promise<Memorization> {
  return readDocument(blobs, digest, memorizationSchema, 'a check for memorized pictures');
}

export const memorizationArtifact: NamedArtifact = {
  name: MEMORIZATION,
  artifact: artifactKind<Memorization>({
    kind: 'memorization',
    schema: memorizationSchema,
    folder: 'memorization',
    files: ({ sheet, links: _, ...found }) => [
      ...(sheet ? [{ name: 'nearest.png', blob: digestSchema.parse(sheet.digest) }] : []),
      { name: 'results.json', json: { ...found, ...(sheet && { sheet: 'nearest.png' }) } },
    ],
    describe: () => '- memorization/: whether drawn pictures are copies of training pictures, where it was checked.',
  }),
};
