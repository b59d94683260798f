/** @file A worker thread of the pool: runs one task at a time, by name. */
import { parentPort, workerData } from 'node:worker_threads';
import { AppError, Internal } from '../../errors.ts';
import { describeError, type WireError } from '../../errors-wire.ts';

export interface PoolRequest {
  readonly name: string;
  readonly input: unknown;
}

export type PoolReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: WireError };

type Task = (input: unknown) => unknown;

const port = parentPort;
if (port === null) throw new Internal('pool-worker.ts runs only as a worker thread');

const loading: Promise<{ readonly tasks: Readonly<Record<string, Task>> }> = import(workerData.tasks);

port.on('message', (request: PoolRequest) => {
  void answer(request).then(reply => port.postMessage(reply, reply.ok ? movableBuffers(reply.value) : []));
});

async function answer(request: PoolRequest): Promise<PoolReply> {
  try {
    const { tasks } = await loading;
    const task = Object.hasOwn(tasks, request.name) ? tasks[request.name] : undefined;
    if (task === undefined) throw new Internal(`there is no task "${request.name}"`);
    return { ok: true, value: await task(request.input) };
  } catch (error) {
    if (!(error instanceof AppError)) console.error(`easel server: the task ${request.name} failed:`, error);
    return { ok: false, error: describeError(error) };
  }
}

/** Buffers that a value has for itself. Views of a shared slab (Node's small Buffers) are copied instead. */
function movableBuffers(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    const { buffer } = value;
    if (buffer instanceof ArrayBuffer && value.byteLength === buffer.byteLength) found.add(buffer);
  } else if (Array.isArray(value)) {
    for (const each of value) movableBuffers(each, found);
  } else if (value instanceof Map) {
    for (const each of value.values()) movableBuffers(each, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) movableBuffers(each, found);
  }
  return [...found];
}
