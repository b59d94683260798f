/** @file Stored documents that jobs read, checked at the border. */
import type { z } from 'zod';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { Corrupt, Unprocessable } from '../../errors.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { type Checkpoint, checkpointSchema, type Dataset, datasetSchema } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';

async function readDocument<T>(blobs: BlobStore, digest: Digest, schema: z.ZodType<T>, kind: string): Promise<T> {
  const bytes = await blobs.get(digest);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Unprocessable(`${digest} is no ${kind}: it is not JSON`, { expected: `the digest of a ${kind}`, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Unprocessable(`${digest} is no ${kind}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`, {
    expected: `the digest of a ${kind}`,
  });
}

export const readConfig = (blobs: BlobStore, digest: Digest): Promise<KeyedConfig> =>
  readDocument(blobs, digest, keyedConfigSchema, 'config');
export const readDataset = (blobs: BlobStore, digest: Digest): Promise<Dataset> =>
  readDocument(blobs, digest, datasetSchema, 'dataset');
export const readCheckpoint = (blobs: BlobStore, digest: Digest): Promise<Checkpoint> =>
  readDocument(blobs, digest, checkpointSchema, 'checkpoint');

/** Canonical JSON, so that equal documents are one blob. */
export function putDocument(blobs: BlobStore, document: Json): Promise<BlobRef> {
  return blobs.put(new TextEncoder().encode(canonicalJson(document)), 'application/json');
}

/** Asserts what the types of a parsed document cannot say. @throws Corrupt */
export function requirePresent<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Corrupt(`${what} is missing`);
  return value;
}
