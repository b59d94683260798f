/** @file The store that is soaked. */
import { InvalidInput } from '../../errors.ts';
import type { SoakStore } from './run-soak.ts';

export interface OpenedStore {
  readonly store: SoakStore;
  /** In words, for the report: no paths. */
  readonly description: string;
  close(): Promise<void>;
}

/** @throws InvalidInput */
export async function openSoakStore(given: string, log: (line: string) => void): Promise<OpenedStore> {
  log(`store: ${given}`);
  const close = async () => {};
  if (given.startsWith('file:')) return { store: { url: given, env: {} }, description: 'a folder', close };
  if (given.startsWith('s3:')) return { store: { url: given, env: {} }, description: 'an S3 store', close };
  throw new InvalidInput(`--store ${given} is wrong`, { expected: 'minio, file:DIR or s3://BUCKET?endpoint=...' });
}
