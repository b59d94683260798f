/** @file How a command that stays in the foreground is asked to end. */

/** Resolves with the first SIGINT, SIGTERM or SIGHUP; the second one ends the process at once, and its children notice. */
export function listenForStop(): Promise<NodeJS.Signals> {
  // A terminal that goes away takes the output with it, not the work.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const asked = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    let again = false;
    process.on(signal, () => {
      if (again) process.exit(130);
      again = true;
      asked.resolve(signal);
    });
  }
  return asked.promise;
}
