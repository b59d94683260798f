/** @file Free ports of loopback. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Conflict, Internal } from '../../errors.ts';

export const HOST = '127.0.0.1';

/**
 * Checks that a port is free now, or finds one. MinIO would not say which free port it took, or that a port was taken.
 * @param port 0: any free port.
 * @throws Conflict if another process has the port.
 */
export async function takePort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (cause) {
    throw new Conflict(`cannot take port ${port} of ${HOST}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      hint: 'stop the process that listens there, or name another port (0 takes a free one)',
    });
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Internal('a socket without an address');
}
