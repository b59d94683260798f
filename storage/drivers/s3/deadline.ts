/** @file A bound on how long a request may take, which grows with what is to be moved. */

/** What moving a mebibyte may take: a line of 1 MiB/s is the slowest that counts as working. */
const MS_PER_MEBIBYTE = 1000;

/**
 * Runs it with a signal that aborts after `ms`; `prolong` starts the time anew, with what these bytes may take besides. The signal
 * reaches all that waits on the network.
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
