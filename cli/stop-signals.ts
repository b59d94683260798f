/** @file Signals that end a command which stays in the foreground. */

/** Resolves with the first SIGINT, SIGTERM or SIGHUP. A second signal ends the process at once; its children notice. */
export function listenForStop(): Promise<NodeJS.Signals> {
  // When the terminal goes away, writing fails; the command shuts down in order all the same.
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
