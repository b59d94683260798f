/** @file Node's HTTP server with bounds on what a client may hold open: a slow or silent one costs a socket for a while, and nothing else. */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';

export interface HttpLimits {
  /** Milliseconds until the headers of a request are complete. */
  readonly headersTimeout: number;
  /** Milliseconds until its body is. */
  readonly requestTimeout: number;
  /** Milliseconds that an idle connection is kept. */
  readonly keepAliveTimeout: number;
  /** Milliseconds between two looks at the connections. */
  readonly connectionsCheckingInterval: number;
  /** Bytes of all headers of a request. */
  readonly maxHeaderSize: number;
  /** Connections at once; more are closed at once. */
  readonly maxConnections: number;
}

/** A blob of a gibibyte over 10 Mbit/s takes 15 minutes. */
const LIMITS: HttpLimits = {
  headersTimeout: 20_000,
  requestTimeout: 15 * 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5000,
  maxHeaderSize: 16_384,
  maxConnections: 2000,
};

export function createHttpServer(
  fetch: (request: Request) => Response | Promise<Response>,
  limits: Partial<HttpLimits> = {},
): Server {
  const { maxConnections, ...options } = { ...LIMITS, ...limits };
  // Without a `createServer` of another protocol it is one of node:http.
  const server = createAdaptorServer({ fetch, serverOptions: options }) as Server;
  server.maxConnections = maxConnections;
  return server;
}
