/**
 * @file Calls of a worker thread: numbered requests and replies, errors of the same class on both sides, worker death.
 */
import { parentPort, Worker } from 'node:worker_threads';
import { describeError, rebuildError, type WireError } from '../../errors-wire.ts';

type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: WireError }
  | { readonly id: number; readonly told: unknown };

/** The answer to the opening, which a worker sends unasked. */
const OPENING = 0;

export interface WorkerCalls<Request> {
  /** The answer to the opening. Rejects when the worker could not open. */
  readonly opened: Promise<unknown>;
  /** Sends a request. `onTold` gets what the worker tells before it answers. */
  ask(request: Request, transfer?: readonly ArrayBuffer[], onTold?: (value: unknown) => void): Promise<unknown>;
  /** Ends the worker at once: what is under way is rejected. */
  terminate(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onTold?: ((value: unknown) => void) | undefined;
}

/**
 * Starts the worker.
 * @param name For people: "the blob worker".
 * @param onDeath Called when the worker ends without having been asked to, once it was open.
 */
export function createWorkerCalls<Request extends object>(
  name: string,
  entry: URL,
  workerData: unknown,
  onDeath: (error: Error) => void,
): WorkerCalls<Request> {
  const worker = new Worker(entry, { workerData });
  const opening = Promise.withResolvers<unknown>();
  const pending = new Map<number, Pending>([[OPENING, opening]]);
  let nextId = OPENING + 1;
  let isOpen = false;
  let isClosing = false;
  const opened = opening.promise.then(value => {
    isOpen = true;
    return value;
  });
  // A failure to open rejects `opened`, for which the caller may not wait.
  opened.catch(() => {});

  worker.on('message', (reply: Reply) => {
    const call = pending.get(reply.id);
    if ('told' in reply) return call?.onTold?.(reply.told);
    pending.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(rebuildError(reply.error));
  });
  const rejectAll = (error: Error) => {
    for (const call of pending.values()) call.reject(error);
    pending.clear();
  };
  const die = (error: Error) => {
    if (isClosing) return;
    isClosing = true;
    rejectAll(error);
    if (isOpen) onDeath(error);
  };
  worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', code => die(new Error(`${name} ended with code ${code}`)));

  return {
    opened,
    ask(request, transfer = [], onTold) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        if (isClosing) return reject(new Error(`${name} has ended`));
        pending.set(id, { resolve, reject, onTold });
        worker.postMessage({ id, ...request }, [...transfer]);
      });
    },
    async terminate() {
      isClosing = true;
      await worker.terminate();
      rejectAll(new Error(`${name} was ended`));
    },
  };
}

/** A value whose buffers are moved to the other thread, not copied. */
export class Moved {
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: unknown, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/**
 * The worker's side: opens, then answers requests as they come, several at once.
 * @param open Makes the function that serves requests; `tell` sends what the caller hears before the answer.
 */
export async function answerCalls<Request extends object>(
  open: () => Promise<(request: Request, tell: (value: unknown) => void) => Promise<unknown>>,
): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this module runs as a worker of the gpu-runner');
  const reply = (message: Reply, buffers: readonly ArrayBuffer[] = []) => port.postMessage(message, [...buffers]);
  const answer = async (id: number, work: () => Promise<unknown>) => {
    try {
      const made = await work();
      if (made instanceof Moved) reply({ id, ok: true, value: made.value }, made.buffers);
      else reply({ id, ok: true, value: made });
    } catch (error) {
      reply({ id, ok: false, error: describeError(error) });
    }
  };
  // A failed opening is an answer and not an exception. An event of its own could overtake the answer, and only the
  // answer has the class of the error.
  await answer(OPENING, async () => {
    const serve = await open();
    port.on('message', ({ id, ...request }: { readonly id: number }) => {
      void answer(id, () => serve(request as Request, value => reply({ id, told: value })));
    });
  });
}
