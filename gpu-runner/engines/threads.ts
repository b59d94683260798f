/** @file The numbers of threads that an engine can have. */
import { availableParallelism } from 'node:os';
import { MOST_THREADS } from '../../configs/engines.ts';
import { InvalidInput } from '../../errors.ts';

/** The hardware threads that this process may use. */
export function countThreads(): number {
  return Math.min(availableParallelism(), MOST_THREADS);
}

/** @throws InvalidInput unless an engine can have so many threads. */
export function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new InvalidInput(`an engine cannot run on ${threads} threads`, { expected: 'a whole number of at least 1' });
}
