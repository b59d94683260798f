/** @file Connections with a deadline, and which failures happened before any byte of a request was sent. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

/** Connections at once; further requests wait. */
const MAX_SOCKETS = 64;
const unsent = new WeakSet<object>();

/**
 * Whether the connection failed before it could carry data: no address, no listener, no trusted TLS session, or too
 * late.
 */
export function isUnsent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unsent.has(error);
}

/** Agents whose failures {@link isUnsent} knows, and whose connections must be open within `connectMs` milliseconds. */
export function createAgents(connectMs: number): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const httpAgent = new (class extends HttpAgent {
    override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
      return watch(super.createConnection(...args), 'connect', connectMs);
    }
  })(options);
  const httpsAgent = new (class extends HttpsAgent {
    override createConnection(...args: Parameters<HttpsAgent['createConnection']>) {
      return watch(super.createConnection(...args), 'secureConnect', connectMs);
    }
  })(options);
  return { httpAgent, httpsAgent };
}

/** @param made The event after which data flows; earlier writes wait for it. */
function watch<S extends Duplex | null | undefined>(socket: S, made: string, ms: number): S {
  const timer = setTimeout(() => socket?.destroy(new Error(`no connection within ${ms} ms`)), ms);
  const note = (error: Error) => unsent.add(error);
  // Runs before the listeners of the request, which pass the error on.
  socket?.prependListener('error', note);
  socket?.once(made, () => socket.off('error', note));
  for (const end of [made, 'close']) socket?.once(end, () => clearTimeout(timer));
  return socket;
}
