/** @file The calls of MinIO's admin interface that make users with rights. The `minio` package speaks S3 only. */
import { Internal } from '../../errors.ts';
import type { MinioCredentials } from './keys.ts';
import { sealForMinio } from './seal.ts';
import { signedFetch } from './signed-fetch.ts';

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

/**
 * Each call overwrites the earlier value, so repeating it changes nothing. @throws Internal with the server's answer.
 */
export interface MinioAdmin {
  setPolicy(name: string, policy: Policy): Promise<void>;
  /** Makes the user, or changes the secret of an existing user. */
  setUser(user: MinioCredentials): Promise<void>;
  /** Gives the user this policy and takes all others away. */
  grant(accessKey: string, policy: string): Promise<void>;
}

export function createMinioAdmin(endpoint: string, credentials: MinioCredentials): MinioAdmin {
  async function put(call: string, query: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) {
    const path = `/minio/admin/v3/${call}?${new URLSearchParams(query)}`;
    const response = await signedFetch({ endpoint, credentials, method: 'PUT', path, body, timeout: ANSWER_MS });
    const text = await response.text();
    if (!response.ok) {
      const shown = text.slice(0, SHOWN_CHARACTERS);
      throw new Internal(`MinIO at ${endpoint} answered ${call} with ${response.status}: ${shown}`);
    }
  }

  return {
    setPolicy: (name, policy) => put('add-canned-policy', { name }, Buffer.from(JSON.stringify(policy))),
    async setUser(user) {
      const request = JSON.stringify({ secretKey: user.secretKey, status: 'enabled' });
      const body = new Uint8Array(sealForMinio(credentials.secretKey, Buffer.from(request)));
      await put('add-user', { accessKey: user.accessKey }, body);
    },
    grant: (user, policy) =>
      put('set-user-or-group-policy', { policyName: policy, userOrGroup: user, isGroup: 'false' }, new Uint8Array()),
  };
}
