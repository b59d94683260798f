/** @file Where a server is reached, for lines that people type. */
import { addBrackets } from '../configs/loopback.ts';
import type { ServerAddress } from '../functions/define.ts';
import type { ServerEnv } from './env.ts';

/** Hosts that mean all addresses of the machine. */
const ALL_ADDRESSES: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** @param port Where it listens; the environment may have left the choice to the system. */
export function addressOf({ host, token }: Pick<ServerEnv, 'host' | 'token'>, port: number): ServerAddress {
  const name = ALL_ADDRESSES.has(host) ? 'localhost' : addBrackets(host);
  return { url: `http://${name}:${port}`, needsToken: token !== undefined };
}
