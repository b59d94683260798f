/** @file Connections that are made soon or not at all, so that a failed one is known to have carried nothing. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

/** More requests than this wait for a connection. */
const MAX_SOCKETS = 64;

/** Agents whose sockets fail with ETIMEDOUT of `connect` when there is no connection (with TLS: no session) in time. */
export function createAgents(connectMs: number): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const httpAgent = new (class extends HttpAgent {
    override createConnection(...args: Parameters<HttpAgent['createConnection']>) {
      return limitConnecting(super.createConnection(...args), 'connect', connectMs);
    }
  })(options);
  const httpsAgent = new (class extends HttpsAgent {
    override createConnection(...args: Parameters<HttpsAgent['createConnection']>) {
      return limitConnecting(super.createConnection(...args), 'secureConnect', connectMs);
    }
  })(options);
  return { httpAgent, httpsAgent };
}

function limitConnecting<S extends Duplex | null | undefined>(socket: S, event: string, ms: number): S {
  const timer = setTimeout(() => {
    const error = new Error(`no connection within ${ms} ms`);
    socket?.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }));
  }, ms);
  for (const end of [event, 'close']) socket?.once(end, () => clearTimeout(timer));
  return socket;
}
