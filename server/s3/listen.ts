/** @file Opens the endpoint on a socket. */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { addBrackets } from '../../configs/loopback.ts';
import { Internal } from '../../errors.ts';
import { createS3App, DEFAULT_BUCKET, type S3AppOptions } from './app.ts';

/** Longest upload: a gibibyte at 0.3 MB/s. The app also limits the silence between two pieces. */
const REQUEST_TIMEOUT_MS = 3_600_000;
const HEADERS_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;

export interface S3Endpoint {
  /** `http://127.0.0.1:8788` */
  readonly url: string;
  readonly bucket: string;
  /** Accepts no more connections and ends the open ones. */
  close(): Promise<void>;
}

/** @param port 0: any free port. @throws The error of listen(2), with its code. */
export async function listenS3(options: S3AppOptions, host: string, port: number): Promise<S3Endpoint> {
  const serverOptions = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS };
  // createAdaptorServer makes a server of node:http unless it is given another `createServer`.
  const server = createAdaptorServer({ fetch: createS3App(options).fetch, serverOptions }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: urlOf(server.address()),
    bucket: options.bucket ?? DEFAULT_BUCKET,
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The address as a number: clients put the bucket in front of a host name, but not in front of an address. */
function urlOf(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') throw new Internal('the S3 endpoint has no address');
  return `http://${addBrackets(address.address)}:${address.port}`;
}
