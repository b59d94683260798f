/** @file Work on a list, some items ahead of the reader, given out in the order of the list. */

/**
 * Begins `work` on at most `width` items before the reader takes the first of them. When the reader stops, or an item
 * fails, no further item begins.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // A failure is told when its turn comes.
      result.catch(() => {});
      pending.push(result);
      if (pending.length >= width) yield await (pending.shift() as Promise<R>);
    }
    while (pending.length > 0) yield await (pending.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(pending);
  }
}
