/** Objects asked for, or deleted, at once. */
const WIDTH = 16;

/** Some at a time, in order. @throws what `each` throws first, and the signal's reason. */
export async function forEach<T>(
  items: readonly T[],
  signal: AbortSignal,
  each: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += WIDTH) {
    signal.throwIfAborted();
    await Promise.all(items.slice(at, at + WIDTH).map(each));
  }
}
