/** @file The one suite of all stores, through the AWS SDK and a socket. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openS3Store } from '../drivers/s3.ts';
import { probeStore } from '../probe.ts';
import { testObjectStore } from '../testing/conformance.ts';
import { startTestEndpoint, TEST_CREDENTIALS } from './testing/endpoint.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_CREDENTIALS.accessKey);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', TEST_CREDENTIALS.secretKey);
});
afterEach(() => void vi.unstubAllEnvs());

testObjectStore('S3 on the endpoint over a folder', async () => {
  const endpoint = await startTestEndpoint();
  return {
    open: async () => openS3Store(`s3://easel?endpoint=${endpoint.url}`),
    destroy: async () => {
      await endpoint.destroy();
      expect(endpoint.lines).toEqual([]);
    },
  };
});

it('passes the probe', async () => {
  const endpoint = await startTestEndpoint();
  const store = openS3Store(`s3://easel/below?endpoint=${endpoint.url}`);
  await probeStore(store);
  await store.close();
  await endpoint.destroy();
});
