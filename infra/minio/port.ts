/** @file Ports of loopback that nobody listens on. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Conflict, Internal } from '../../errors.ts';

export const HOST = '127.0.0.1';

/**
 * One that is free at this moment: MinIO does not tell which one it took, and of a taken one only that it failed.
 * @param port 0: any.
 * @throws Conflict when another process has it.
 */
export async function takePort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
  } catch (cause) {
    throw new Conflict(`port ${port} of ${HOST} cannot be taken: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      hint: 'stop what listens there, or name another port (0 takes a free one)',
    });
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Internal('a socket without an address');
}
