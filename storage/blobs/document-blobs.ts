/**
 * @file JSON documents stored as blobs: named by their digest, so they never change. For documents under a key see
 * versioned.ts.
 */
import type { z } from 'zod';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import type { Digest } from '../digest.ts';
import { parseJson } from '../parse-document.ts';
import { type Checkpoint, checkpointSchema, type Dataset, datasetSchema } from '../records.ts';
import type { BlobRef, BlobStore } from '../types.ts';

/**
 * Reads a JSON blob by its schema.
 * @param kind What the caller expects, for errors: "a checkpoint".
 * @throws BlobMissing when the blob does not exist, Unprocessable when it is not of that kind.
 */
export async function readDocument<T>(
  blobs: BlobStore,
  digest: Digest,
  schema: z.ZodType<T>,
  kind: string,
): Promise<T> {
  const parsed = parseJson(await blobs.get(digest), schema);
  if (parsed.ok) return parsed.value;
  const { problem, hint, cause } = parsed;
  throw new Unprocessable(`${digest} is not ${kind}: ${problem}`, {
    expected: `the digest of ${kind}`,
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/** Stores canonical JSON, so equal documents are one blob. */
export function putDocument(blobs: Pick<BlobStore, 'put'>, document: Json): Promise<BlobRef> {
  return blobs.put(Buffer.from(canonicalJson(document)), 'application/json');
}

export function readCheckpoint(blobs: BlobStore, digest: Digest): Promise<Checkpoint> {
  return readDocument(blobs, digest, checkpointSchema, 'a checkpoint');
}

export function readDataset(blobs: BlobStore, digest: Digest): Promise<Dataset> {
  return readDocument(blobs, digest, datasetSchema, 'a dataset');
}

export function readKeyedConfig(blobs: BlobStore, digest: Digest): Promise<KeyedConfig> {
  return readDocument(blobs, digest, keyedConfigSchema, 'the keyed sections of a config');
}
