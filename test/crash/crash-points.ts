/** @file Where to die: points drawn by a seed, the same on every machine. */
import { createHash } from 'node:crypto';

/** A whole number from 1 to `most`. */
export function drawOperation(seed: string, most: number): number {
  const [bits = 0] = new Uint32Array(createHash('sha256').update(seed).digest().buffer.slice(0, 4));
  return 1 + (bits % most);
}

/** `count` operations of 1 to `most`, one in each of as many equal parts: early ones and late ones. */
export function spreadOperations(seed: string, count: number, most: number): number[] {
  const part = Math.max(1, Math.floor(most / count));
  return Array.from({ length: count }, (_, i) => i * part + drawOperation(`${seed} ${i}`, part));
}
