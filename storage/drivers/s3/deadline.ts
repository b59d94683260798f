/** @file A deadline for a request that grows with the bytes to transfer. */

/** Time for a mebibyte: a connection slower than 1 MiB/s counts as broken. */
const MS_PER_MEBIBYTE = 1000;

/**
 * Calls `run` with a signal that aborts after `ms`. `prolong` restarts the time and adds the time for so many bytes.
 * Pass the signal to everything that waits for the network.
 */
export async function withDeadline<T>(
  ms: number,
  run: (signal: AbortSignal, prolong: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const start = (longest: number) =>
    setTimeout(() => deadline.abort(new Error(`no answer within ${(longest / 1000).toFixed(1)} s`)), longest);
  let timer = start(ms);
  const prolong = (bytes: number) => {
    clearTimeout(timer);
    timer = start(ms + (bytes / 2 ** 20) * MS_PER_MEBIBYTE);
  };
  try {
    return await run(deadline.signal, prolong);
  } finally {
    clearTimeout(timer);
  }
}
