/** @file An endpoint over a new folder, on a free port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfEtag } from '../../../storage/drivers/conditions.ts';
import { openFileStore } from '../../../storage/drivers/file/file-store.ts';
import type { ObjectStore } from '../../../storage/types.ts';
import type { S3AppOptions } from '../app.ts';
import { listenS3, type S3Endpoint } from '../listen.ts';

export const TEST_CREDENTIALS = { accessKey: 'test-access-key', secretKey: 'a secret of tests, and only theirs' };

export interface TestEndpoint extends S3Endpoint {
  readonly store: ObjectStore;
  readonly folder: string;
  /** Lines that were logged. */
  readonly lines: readonly string[];
  /** Ends it and removes the folder. */
  destroy(): Promise<void>;
}

export async function startTestEndpoint(options: Partial<S3AppOptions> = {}): Promise<TestEndpoint> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-s3-'));
  const store = options.store ?? (await openFileStore(folder));
  const lines: string[] = [];
  const endpoint = await listenS3(
    {
      credentials: TEST_CREDENTIALS,
      sha256Of: info => digestOfEtag(info.etag),
      log: line => lines.push(line),
      ...options,
      store,
    },
    '127.0.0.1',
    0,
  );
  return {
    ...endpoint,
    store,
    folder,
    lines,
    async destroy() {
      await endpoint.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
