/**
 * @file Node's HTTP server with limits for slow or silent clients: such a client costs a socket for a while, nothing
 * else.
 */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';

export interface HttpLimits {
  /** Milliseconds until the headers of a request are complete. */
  readonly headersTimeout: number;
  /** Milliseconds until the body of a request is complete. */
  readonly requestTimeout: number;
  /** Milliseconds that an idle connection is kept. */
  readonly keepAliveTimeout: number;
  /** Milliseconds between two checks of the connections. */
  readonly connectionsCheckingInterval: number;
  /** Bytes of all headers of a request. */
  readonly maxHeaderSize: number;
  /** Most connections at a time; a further one is closed immediately. */
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
  // createAdaptorServer makes a server of node:http unless it is given another `createServer`.
  const server = createAdaptorServer({ fetch, serverOptions: options }) as Server;
  server.maxConnections = maxConnections;
  return server;
}
