/** @file The endpoint on a socket. */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Internal } from '../../errors.ts';
import { createS3App, DEFAULT_BUCKET, type S3AppOptions } from './app.ts';

/** A gibibyte at 0.3 MB/s; within it the app wants a piece every so often. */
const REQUEST_TIMEOUT_MS = 3_600_000;
const HEADERS_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;

export interface S3Endpoint {
  /** `http://127.0.0.1:8788` */
  readonly url: string;
  readonly bucket: string;
  /** Takes no more connections and ends those that are there. */
  close(): Promise<void>;
}

/** @param port 0: any that is free. @throws The error of listen(2), with its code. */
export async function listenS3(options: S3AppOptions, host: string, port: number): Promise<S3Endpoint> {
  const serverOptions = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS };
  // Without a `createServer` of another protocol it is one of node:http.
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

/** By number: clients put the bucket before a host's name, and not before its address. */
function urlOf(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') throw new Internal('the S3 endpoint has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
