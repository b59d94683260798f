/** @file One holder per device and host: a listening socket, which the kernel frees however the process ends. */
import { createHash } from 'node:crypto';
import { connect, createServer, type ListenOptions, type Server } from 'node:net';
import { Conflict } from '../../errors.ts';

/** Time for the holder to name itself. */
const ASK_MS = 1000;
/** Systems give ports from 32768 (Linux) or 49152 (RFC 6335, section 6) to connections that ask for any port. */
const FIRST_PORT = 20_000;
const FIRST_DYNAMIC_PORT = 32_768;

export interface DeviceLock {
  release(): Promise<void>;
}

/**
 * Binds the socket of the device: on Linux the abstract unix socket `\0easel-runner-<device>`, elsewhere a loopback
 * port derived from the name. Tells `holder` to a process that is refused.
 * @throws Conflict naming the holder if another process has the socket.
 */
export async function acquireDeviceLock(
  device: string,
  holder: () => string,
  platform: NodeJS.Platform = process.platform,
): Promise<DeviceLock> {
  const where = lockAddress(device, platform);
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy());
    socket.end(holder());
  });
  try {
    await listen(server, where);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const who = await askHolder(where);
    throw new Conflict(`the device "${device}" is held by ${who}`, {
      expected: 'one gpu-runner per device and host',
      hint: 'stop that gpu-runner, or give this one another device name in EASEL_DEVICE',
      details: { device },
    });
  }
  server.unref();
  return { release: () => new Promise(resolve => server.close(() => resolve())) };
}

function lockAddress(
  device: string,
  platform: NodeJS.Platform,
): (ListenOptions & { host?: string; port: number }) | { path: string } {
  if (platform === 'linux') return { path: `\0easel-runner-${device}` };
  const hash = createHash('sha256').update(`easel-runner-${device}`).digest().readUInt16BE(0);
  return { host: '127.0.0.1', port: FIRST_PORT + (hash % (FIRST_DYNAMIC_PORT - FIRST_PORT)) };
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function askHolder(where: ReturnType<typeof lockAddress>): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(where);
    let said = '';
    const finish = () => {
      socket.destroy();
      resolve(said === '' ? 'another process' : said.slice(0, 300));
    };
    socket.setTimeout(ASK_MS, finish);
    socket.setEncoding('utf8');
    socket.on('data', text => {
      said += String(text);
    });
    socket.on('end', finish);
    socket.on('error', finish);
  });
}
