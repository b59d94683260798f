/** @file What gc and verify know of each kind of JSON document. */
import type { z } from 'zod';
import { checkpointSchema, datasetSchema } from './records.ts';

export interface DocumentKind {
  readonly schema: z.ZodType;
  /** Only when no linked blob is a document with links: then gc does not look into what the document links. */
  readonly linksLeaves?: true;
}

/** By the `kind` of the document. A kind that is not listed has no schema, and gc looks into all that it links. */
export type DocumentKinds = Readonly<Record<string, DocumentKind>>;

export const STORED_KINDS: DocumentKinds = {
  dataset: { schema: datasetSchema, linksLeaves: true },
  checkpoint: { schema: checkpointSchema, linksLeaves: true },
};
