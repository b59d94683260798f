/** @file Ends a process of fork-child.ts when its parent is gone, also while a long calculation blocks its thread. */
import { Worker } from 'node:worker_threads';

/** The parent is gone, or gives up its request. Work under way would keep the process alive. */
export function endWithParent(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const workerData = Number(process.argv.at(-1));
  new Worker(new URL('./watch-parent.ts', import.meta.url), { workerData }).unref();
}
