/** @file Makes a folder an S3 store: runs MinIO on it, with lasting keys and a bucket for Easel. */
import { bootstrapMinio } from './bootstrap.ts';
import { type MinioCredentials, readOrMakeKeys, writeKeys } from './keys.ts';
import { type MinioOptions, startMinio } from './server.ts';

export const DEFAULT_BUCKET = 'easel';

export interface MinioStoreOptions extends Omit<MinioOptions, 'credentials'> {
  readonly bucket?: string;
}

export interface MinioStore {
  /** Value for EASEL_STORE. */
  readonly url: string;
  readonly endpoint: string;
  /** Address of the web console. */
  readonly consoleUrl: string | undefined;
  /** Variables that server and gpu-runner need, EASEL_STORE included. */
  readonly env: Readonly<Record<string, string>>;
  /** Keys of the user who may read. */
  readonly browse: MinioCredentials;
  readonly pid: number | undefined;
  /** Resolves with MinIO's last lines when it has ended for any reason. */
  readonly ended: Promise<readonly string[]>;
  stop(): Promise<void>;
}

/**
 * Starts MinIO with the data, keys and bucket of an earlier start. A start that was killed is completed by the next.
 */
export async function startMinioStore(options: MinioStoreOptions): Promise<MinioStore> {
  const bucket = options.bucket ?? DEFAULT_BUCKET;
  const keys = await readOrMakeKeys(options.folder);
  const server = await startMinio({ ...options, credentials: keys.root });
  const { endpoint, consolePort } = server;
  try {
    await bootstrapMinio({ ...keys, endpoint, bucket });
    await writeKeys(options.folder, { ...keys, endpoint, bucket });
  } catch (error) {
    await server.stop();
    throw error;
  }
  const env = storeEnvironment(endpoint, bucket, keys.easel);
  return {
    url: env.EASEL_STORE,
    endpoint,
    consoleUrl: consolePort === undefined ? undefined : endpoint.replace(/\d+$/, String(consolePort)),
    env,
    browse: keys.browse,
    pid: server.pid,
    ended: server.ended,
    stop: () => server.stop(),
  };
}

/** Variables that tell Easel a bucket and its keys. */
export function storeEnvironment(endpoint: string, bucket: string, { accessKey, secretKey }: MinioCredentials) {
  return {
    EASEL_STORE: `s3://${bucket}?endpoint=${endpoint}`,
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_REGION: 'us-east-1',
  };
}
