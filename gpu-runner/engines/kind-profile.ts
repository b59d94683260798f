/** @file Sums the times of single operations by kind. */
import type { KindProfile } from '../compiler/engine.ts';

export interface OperationTime {
  readonly kind: string;
  readonly ms: number;
}

/** Time and count of each kind, slowest kind first. */
export function sumByKind(operations: Iterable<OperationTime>): KindProfile[] {
  const kinds = new Map<string, { ms: number; count: number }>();
  for (const { kind, ms } of operations) {
    const sum = kinds.get(kind) ?? { ms: 0, count: 0 };
    kinds.set(kind, { ms: sum.ms + ms, count: sum.count + 1 });
  }
  return [...kinds].map(([kind, sum]) => ({ kind, ...sum })).sort((a, b) => b.ms - a.ms);
}
