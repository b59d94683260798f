/** @file Starts the S3 endpoint over a folder store, so that any S3 client can browse it. */
import { isLoopback } from '../configs/loopback.ts';
import { ensureS3Keys } from '../configs/s3-keys.ts';
import { parseStoreFolder } from '../configs/store-folder.ts';
import { Internal } from '../errors.ts';
import { digestOfEtag } from '../storage/drivers/conditions.ts';
import type { ObjectInfo, ObjectStore } from '../storage/types.ts';
import type { ServerEnv } from './env.ts';
import { listenS3, type S3Endpoint } from './s3/listen.ts';

export interface StartedS3 {
  /** Absent if the server runs without an endpoint. */
  readonly endpoint?: S3Endpoint;
  /** A line to print about the endpoint. */
  readonly line?: string;
}

/**
 * @throws Internal if the endpoint cannot listen on the port of EASEL_S3_PORT. A taken default port is not an error.
 */
export async function startS3(store: ObjectStore, env: Pick<ServerEnv, 'host' | 'port' | 's3'>): Promise<StartedS3> {
  const folder = parseStoreFolder(store.url);
  // A bucket speaks S3 itself; a store in memory dies with the process.
  if (env.s3 === undefined || folder === undefined) return {};
  const { port, explicit, keys } = env.s3;
  if (!isLoopback(env.host) && keys === undefined) {
    return {
      line: `no S3 endpoint: ${env.host} can be reached from other machines; set EASEL_S3_ACCESS_KEY and EASEL_S3_SECRET_KEY`,
    };
  }
  const credentials = keys ?? (await ensureS3Keys(folder));
  try {
    // The version of a file is the sha256 of its bytes.
    const options = { store, credentials, sha256Of: ({ etag }: ObjectInfo) => digestOfEtag(etag) };
    const endpoint = await listenS3(options, env.host, port);
    return { endpoint, line: `S3 endpoint listening on ${endpoint.url} (bucket ${endpoint.bucket})` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!explicit) return { line: `no S3 endpoint: ${reason}; set EASEL_S3_PORT (0 takes any free port)` };
    throw new Internal(`the S3 endpoint cannot listen on ${env.host}:${port}: ${reason}`, {
      cause: error,
      hint: 'set EASEL_S3_PORT (0 takes any free port, "off" none)',
    });
  }
}
