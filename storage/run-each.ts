/** Runs `work` on each item, at most `width` at a time. The first failure, or the signal, stops what has not begun; it is thrown when the rest has ended. */
export async function runEach<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const remaining = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const next = async () => {
    for (let step = remaining.next(); !step.done && !failure; step = remaining.next()) {
      try {
        signal?.throwIfAborted();
        await work(step.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: width }, next));
  if (failure) throw failure.error;
}
