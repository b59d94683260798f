/** @file The tasks of the worker pool, run in the thread that asks: for tests that start no threads. */
import { Internal } from '../../errors.ts';
import type { TaskPool } from '../execution/pool.ts';
import { tasks } from '../tasks.ts';

const byName: Readonly<Record<string, (input: never) => unknown>> = tasks;

export const inlinePool: TaskPool = {
  async run<T>(name: string, input: unknown): Promise<T> {
    const task = byName[name];
    if (task === undefined) throw new Internal(`there is no task "${name}"`);
    return task(input as never) as T;
  },
  close: () => Promise.resolve(),
};
