/** @file A pool of worker threads for CPU work on single items, which would block the server's event loop. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Busy, Cancelled, Internal } from '../../errors.ts';
import { rebuildError } from '../../errors-wire.ts';
import type { PoolReply, PoolRequest } from './pool-worker.ts';

export interface TaskPool {
  /**
   * Runs a task of functions/tasks.ts in a worker. The input is copied; buffers in the answer are moved, not copied.
   * @throws what the task throws (an AppError keeps its code, status, expectation and hint), Busy when the queue is
   * full.
   */
  run<T>(name: string, input: unknown, signal?: AbortSignal): Promise<T>;
  /** Fails queued and running tasks, and ends the workers. */
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Worker threads; default: cores. */
  readonly size?: number;
  /** Tasks that may wait; default 10,000. */
  readonly maxQueue?: number;
  /** Module that exports `tasks`. */
  readonly tasks?: URL;
}

interface QueuedTask {
  readonly request: PoolRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface PoolWorker {
  readonly thread: Worker;
  current: QueuedTask | undefined;
}

export function createPool(options: PoolOptions = {}): TaskPool {
  const size = options.size ?? availableParallelism();
  const maxQueue = options.maxQueue ?? 10_000;
  const tasks = options.tasks ?? new URL('../tasks.ts', import.meta.url);
  const workers = new Set<PoolWorker>();
  const queue: QueuedTask[] = [];
  let closed = false;

  function startWorker(): PoolWorker {
    const thread = new Worker(new URL('./pool-worker.ts', import.meta.url), { workerData: { tasks: tasks.href } });
    const worker: PoolWorker = { thread, current: undefined };
    workers.add(worker);
    // An idle pool must not keep the process alive.
    thread.unref();
    thread.on('message', (reply: PoolReply) => {
      const task = worker.current;
      worker.current = undefined;
      if (reply.ok) task?.resolve(reply.value);
      else task?.reject(rebuildError(reply.error));
      dispatch();
    });
    thread.on('error', error => retire(worker, error));
    thread.on('exit', code => retire(worker, new Error(`the worker thread exited with code ${code}`)));
    return worker;
  }

  /** A crashed worker fails its task; the next task starts a new worker. */
  function retire(worker: PoolWorker, cause: unknown): void {
    if (!workers.delete(worker)) return;
    const task = worker.current;
    worker.current = undefined;
    task?.reject(
      closed
        ? new Cancelled('the worker pool was closed')
        : new Internal(`a worker thread crashed in task "${task.request.name}"`, {
            cause,
            hint: 'run the same call again; if it crashes on the same item, report the item',
          }),
    );
    dispatch();
  }

  function dispatch(): void {
    while (!closed && queue.length > 0) {
      const worker =
        [...workers].find(each => each.current === undefined) ?? (workers.size < size ? startWorker() : null);
      if (worker === null) return;
      const task = queue.shift();
      if (task === undefined) return;
      worker.current = task;
      worker.thread.ref();
      try {
        worker.thread.postMessage(task.request);
      } catch (cause) {
        worker.current = undefined;
        task.reject(new Internal(`the input of task "${task.request.name}" cannot be sent to a thread`, { cause }));
      }
    }
    for (const worker of workers) if (!closed && worker.current === undefined) worker.thread.unref();
  }

  function enqueue(name: string, input: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    if (closed) return Promise.reject(new Cancelled('the worker pool is closed'));
    if (signal?.aborted) return Promise.reject(new Cancelled(`task "${name}" was cancelled`));
    if (queue.length >= maxQueue) {
      return Promise.reject(
        new Busy(`${queue.length} tasks wait for a worker thread already`, {
          expected: `at most ${maxQueue}`,
          retryAfterSeconds: 5,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const forget = () => signal?.removeEventListener('abort', onAbort);
      const task: QueuedTask = {
        request: { name, input },
        resolve(value) {
          forget();
          resolve(value);
        },
        reject(error) {
          forget();
          reject(error);
        },
      };
      // A running task is short and may finish.
      const onAbort = () => {
        const at = queue.indexOf(task);
        if (at >= 0) queue.splice(at, 1)[0]?.reject(new Cancelled(`task "${name}" was cancelled`));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(task);
      dispatch();
    });
  }

  return {
    // Boundary to another thread: the caller knows the type of the answer by the name of the task.
    run: <T>(name: string, input: unknown, signal?: AbortSignal) => enqueue(name, input, signal) as Promise<T>,
    async close() {
      closed = true;
      for (const task of queue.splice(0)) task.reject(new Cancelled('the worker pool was closed'));
      await Promise.all(
        [...workers].map(worker => {
          // An idle worker does not keep the process alive, so the process would end during this wait.
          worker.thread.ref();
          return worker.thread.terminate();
        }),
      );
    },
  };
}
