/** @file Sets up a new MinIO for Easel: a bucket, a user who may read and write, a user who may only read. */
import { Client, type LifecycleConfig } from 'minio';
import { Internal } from '../../errors.ts';
import { createMinioAdmin, type Policy } from './admin.ts';
import type { MinioCredentials } from './keys.ts';

export interface BootstrapOptions {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  /** Keys of the root user. */
  readonly root: MinioCredentials;
  readonly bucket: string;
  /** Keys of the server and the gpu-runner, who may read and write objects of the bucket. */
  readonly easel: MinioCredentials;
  /** Keys for people, who may list and read objects. */
  readonly browse: MinioCredentials;
}

const LOOK = ['s3:GetBucketLocation', 's3:ListBucket'];
const READ = ['s3:GetObject'];
/** Tools that copy a store into the bucket make multipart uploads; Easel makes none. */
const WRITE = ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

/**
 * Only objects that a killed start-up probe left behind expire. MinIO has no rule for stale multipart uploads; it
 * aborts them by itself (MINIO_API_STALE_UPLOADS_EXPIRY, 24 hours).
 */
const LIFECYCLE: LifecycleConfig = {
  Rule: [{ ID: 'easel-probes', Status: 'Enabled', Filter: { Prefix: 'probe/' }, Expiration: { Days: 1 } }],
};

/**
 * Brings a server into the state that the options describe, from any earlier state. A bucket with expiry rules keeps
 * them.
 * @throws Internal when the server refuses.
 */
export async function bootstrapMinio(options: BootstrapOptions): Promise<void> {
  const { endpoint, root, bucket, easel, browse } = options;
  const client = connectMinio(endpoint, root);
  try {
    await makeBucket(client, bucket);
    await expireProbes(client, bucket);
  } catch (cause) {
    throw new Internal(`MinIO at ${endpoint} did not make the bucket "${bucket}": ${String(cause)}`, { cause });
  }
  const admin = createMinioAdmin(endpoint, root);
  for (const [user, policy, actions] of [
    [easel, `easel-write-${bucket}`, [...READ, ...WRITE]],
    [browse, `easel-read-${bucket}`, READ],
  ] as const) {
    await admin.setPolicy(policy, allow(bucket, actions));
    await admin.setUser(user);
    await admin.grant(user.accessKey, policy);
  }
}

/** The S3 client of the `minio` package. */
export function connectMinio(endpoint: string, { accessKey, secretKey }: MinioCredentials): Client {
  const url = new URL(endpoint);
  return new Client({
    endPoint: url.hostname,
    useSSL: url.protocol === 'https:',
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    accessKey,
    secretKey,
  });
}

/** Another process may make it at the same moment. */
async function makeBucket(client: Client, bucket: string): Promise<void> {
  if (await client.bucketExists(bucket)) return;
  await client.makeBucket(bucket).catch(async error => {
    if (!(await client.bucketExists(bucket))) throw error;
  });
}

async function expireProbes(client: Client, bucket: string): Promise<void> {
  const existing = await client.getBucketLifecycle(bucket).catch(error => {
    if (error?.code === 'NoSuchLifecycleConfiguration') return undefined;
    throw error;
  });
  if (existing === undefined || existing === null) await client.setBucketLifecycle(bucket, LIFECYCLE);
}

function allow(bucket: string, onObjects: readonly string[]): Policy {
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: LOOK, Resource: [`arn:aws:s3:::${bucket}`] },
      { Effect: 'Allow', Action: onObjects, Resource: [`arn:aws:s3:::${bucket}/*`] },
    ],
  };
}
