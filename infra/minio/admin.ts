/** @file As much of MinIO's admin interface as makes users with rights: the `minio` package speaks S3 only. */
import { createHash } from 'node:crypto';
import { signV4 } from 'minio/dist/esm/signing.mjs';
import { Internal } from '../../errors.ts';
import { sealForMinio } from './seal.ts';
import type { MinioCredentials } from './server.ts';

const REGION = 'us-east-1';
const ANSWER_MS = 30_000;
const SHOWN_CHARACTERS = 300;

/** An IAM policy. */
export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly {
    readonly Effect: 'Allow';
    readonly Action: readonly string[];
    readonly Resource: readonly string[];
  }[];
}

/** Each call sets, whatever was there: repeating one changes nothing. @throws Internal with the server's answer. */
export interface MinioAdmin {
  setPolicy(name: string, policy: Policy): Promise<void>;
  /** Makes the user, or gives it the secret. */
  setUser(user: MinioCredentials): Promise<void>;
  /** The user has this policy and no other. */
  grant(accessKey: string, policy: string): Promise<void>;
}

export function createMinioAdmin(endpoint: string, { accessKey, secretKey }: MinioCredentials): MinioAdmin {
  async function put(call: string, query: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) {
    const url = new URL(`/minio/admin/v3/${call}?${new URLSearchParams(query)}`, endpoint);
    const path = url.pathname + url.search;
    const now = new Date();
    const digest = createHash('sha256').update(body).digest('hex');
    const headers = {
      host: url.host,
      'x-amz-content-sha256': digest,
      'x-amz-date': now.toISOString().replace(/[-:]|\.\d+/g, ''),
    };
    const signed = { method: 'PUT', path, headers, protocol: url.protocol };
    const authorization = signV4(signed, accessKey, secretKey, REGION, now, digest);
    const response = await fetch(url, {
      method: 'PUT',
      headers: { ...headers, authorization },
      body,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Internal(
        `MinIO at ${endpoint} answered ${call} with ${response.status}: ${text.slice(0, SHOWN_CHARACTERS)}`,
      );
    }
  }

  return {
    setPolicy: (name, policy) => put('add-canned-policy', { name }, Buffer.from(JSON.stringify(policy))),
    async setUser(user) {
      const request = JSON.stringify({ secretKey: user.secretKey, status: 'enabled' });
      const body = new Uint8Array(sealForMinio(secretKey, Buffer.from(request)));
      await put('add-user', { accessKey: user.accessKey }, body);
    },
    grant: (user, policy) =>
      put('set-user-or-group-policy', { policyName: policy, userOrGroup: user, isGroup: 'false' }, new Uint8Array()),
  };
}
