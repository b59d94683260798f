/** @file Stored JSON documents, read through their schema. */
import type { z } from 'zod';
import { type KeyedConfig, keyedConfigSchema } from '../configs/schema.ts';
import { Unprocessable } from '../errors.ts';
import type { Digest } from './digest.ts';
import { type Checkpoint, checkpointSchema, type Dataset, datasetSchema } from './records.ts';
import type { BlobStore } from './types.ts';

/**
 * Reads a JSON blob that must be of a schema.
 * @param what What it is meant to be, in errors: "a checkpoint".
 * @throws BlobMissing when the store does not have it, Unprocessable when it is something else.
 */
export async function readDocument<S extends z.ZodType>(
  blobs: BlobStore,
  digest: Digest,
  schema: S,
  what: string,
): Promise<z.output<S>> {
  const bytes = await blobs.get(digest);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new Unprocessable(`${digest} is not ${what}: it is no JSON`, { expected: what, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Unprocessable(`${digest} is not ${what}: ${issue?.path.join('.') || 'the document'}: ${issue?.message}`, {
    expected: what,
    cause: parsed.error,
  });
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
