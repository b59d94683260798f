/** @file Randomness by hash. A draw is a pure function of its key, so a new attribute changes no other draw. */
import { createHash } from 'node:crypto';

/** Uniform in [0, 1) with 48 bits, from the sha256 of the key. */
export function drawUniform(...key: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(key)).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** One of the entries, each equally likely. */
export function pickOne<T>(entries: readonly T[], ...key: readonly (string | number)[]): T {
  const entry = entries[Math.floor(drawUniform(...key) * entries.length)];
  if (entry === undefined) throw new RangeError('nothing to pick from');
  return entry;
}

/** The entries in a random order (Fisher-Yates). */
export function shuffleAll<T>(entries: readonly T[], ...key: readonly (string | number)[]): T[] {
  const order = [...entries];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(drawUniform(...key, last) * (last + 1));
    const moved = order[last] as T;
    order[last] = order[other] as T;
    order[other] = moved;
  }
  return order;
}
