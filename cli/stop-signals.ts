/** @file Signals that end a command which stays in the foreground. */
import { Cancelled } from '../errors.ts';

/** As a shell tells of a process that SIGINT ended. */
export const EXIT_INTERRUPTED = 130;
/** One press of Ctrl-C may arrive twice: from the terminal, and from npm, which passes it on. */
const ONE_PRESS_MS = 1000;

/**
 * Aborts on Ctrl-C and SIGTERM, which then set the exit code. A terminal that goes away stops nothing.
 * @param stopped What the error says of the work.
 */
export function abortOnStop(stopped: string): AbortSignal {
  const stop = new AbortController();
  void listenForStop(['SIGINT', 'SIGTERM']).then(() => {
    process.exitCode = EXIT_INTERRUPTED;
    stop.abort(new Cancelled(stopped, { hint: 'the same command goes on from the finished parts' }));
  });
  return stop.signal;
}

/** Resolves with the first of the signals. A later one ends the process at once; its children notice. */
export function listenForStop(
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): Promise<NodeJS.Signals> {
  // When the terminal goes away, writing fails; the command shuts down in order all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const asked = Promise.withResolvers<NodeJS.Signals>();
  let first: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      first ??= performance.now();
      if (performance.now() - first > ONE_PRESS_MS) process.exit(EXIT_INTERRUPTED);
      asked.resolve(signal);
    });
  }
  return asked.promise;
}
