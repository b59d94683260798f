/** @file The kinds of JSON documents, for gc and verify. */
import type { z } from 'zod';
import { chunkIndexSchema, chunkPageSchema } from './chunk-record.ts';
import { lineageSchema, lineagesSchema } from './lineage-record.ts';
import { checkpointSchema, datasetSchema } from './records.ts';

export interface DocumentKind {
  readonly schema: z.ZodType;
  /** Set it only if no linked blob is a document with links: then gc does not read the linked blobs. */
  readonly linksLeaves?: true;
}

/** By the `kind` of the document. An unlisted kind has no schema, and gc reads the documents that it links. */
export type DocumentKinds = Readonly<Record<string, DocumentKind>>;

export const STORED_KINDS: DocumentKinds = {
  dataset: { schema: datasetSchema, linksLeaves: true },
  checkpoint: { schema: checkpointSchema, linksLeaves: true },
  lineage: { schema: lineageSchema, linksLeaves: true },
  lineages: { schema: lineagesSchema },
  chunks: { schema: chunkPageSchema },
  'chunk-pages': { schema: chunkIndexSchema },
};
