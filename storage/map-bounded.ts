/** @file The one loop that runs asynchronous work on a list, some items at a time. */

export interface Bound {
  /** Items in work at once. */
  readonly width: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` on each item, in order, at most `width` at a time. After the first failure, or once the signal aborts, no
 * further item begins; the error is thrown when all work that has begun has ended.
 * @returns The results in the order of the items.
 * @throws The first error of `work`, or the signal's reason.
 */
export async function mapBounded<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  { width, signal }: Bound,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const remaining = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const results: R[] = [];
  let begun = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async () => {
    while (!failure) {
      try {
        // An iterator answers in the order of the calls, so the position is known before the item.
        const position = begun++;
        const step = await remaining.next();
        if (step.done || failure) return;
        signal?.throwIfAborted();
        results[position] = await work(step.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  if (!failure) return results;
  await remaining.return?.();
  throw failure.error;
}
