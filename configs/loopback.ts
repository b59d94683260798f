/** @file Hosts that only this machine reaches, and IPv6 addresses as URLs write them. */

/** Each number is 0 to 255, without leading zeros. */
const IPV4_LOOPBACK = /^127(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/;

/**
 * `localhost` in any case, an address of 127.0.0.0/8, or `::1` with or without brackets. A host with a port is not one.
 */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || stripBrackets(host) === '::1' || IPV4_LOOPBACK.test(host);
}

/** `[::1]`, as URLs and Host headers write an IPv6 address, without its brackets; any other host as it is. */
export function stripBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** The inverse of {@link stripBrackets}, for URLs: an IPv6 address in brackets, any other host as it is. */
export function addBrackets(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
