/** @file The one suite of all stores, through the AWS SDK and a socket, and through a network that fails. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { openS3Store } from '../../storage/drivers/s3/s3-store.ts';
import { testObjectStore } from '../../storage/testing/conformance.ts';
import { fillFolder, flipBit } from '../../storage/testing/folder-objects.ts';
import { testStoreOnWire } from '../../storage/testing/wire-conformance.ts';
import { startTestEndpoint, TEST_CREDENTIALS } from './testing/endpoint.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_CREDENTIALS.accessKey);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', TEST_CREDENTIALS.secretKey);
});
afterEach(() => void vi.unstubAllEnvs());

const open = (endpoint: string) => openS3Store(`s3://easel?endpoint=${endpoint}`);

testObjectStore('S3 on the endpoint over a folder', async () => {
  const endpoint = await startTestEndpoint();
  return {
    open: async () => open(endpoint.url),
    async destroy() {
      await endpoint.destroy();
      // The suite causes no internal error.
      expect(endpoint.lines).toEqual([]);
    },
    fill: keys => fillFolder(endpoint.folder, keys),
    corrupt: (key, at) => flipBit(join(endpoint.folder, key), at),
  };
});

testStoreOnWire('the endpoint over a folder', async () => {
  const endpoint = await startTestEndpoint();
  return { endpoint: endpoint.url, open, destroy: endpoint.destroy };
});
