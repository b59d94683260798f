/** @file Which hosts are this machine. */

/** `127.x.x.x`, `::1` (bare or in brackets) or `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
