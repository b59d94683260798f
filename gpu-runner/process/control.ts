/**
 * @file The control worker. It holds the lock of the device and the loopback HTTP server, so that both work while the
 * engine blocks the main thread. It ends a process that does not stop in time.
 */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { createAdaptorServer } from '@hono/node-server';
import { addBrackets } from '../../configs/loopback.ts';
import { readMachineMemory } from '../../configs/machine-memory.ts';
import { InvalidInput } from '../../errors.ts';
import { describeError } from '../../errors-wire.ts';
import type { EngineProbe } from '../compiler/engine.ts';
import type { RunnerStatus } from '../protocol.ts';
import { createControlApp } from './control-app.ts';
import { acquireDeviceLock } from './device-lock.ts';
import { createJobBoard } from './job-board.ts';
import type { ControlOptions, FromControl, ToControl } from './messages.ts';
import { openSharedFlags } from './shared-flags.ts';

/** EX_TEMPFAIL of sysexits.h: another process holds the device, and a later start may succeed. */
const EXIT_DEVICE_HELD = 75;
/** EX_OSERR. */
const EXIT_CANNOT_LISTEN = 71;

const PARENT_CHECK_MS = 1000;
/** Time for open answers when the process ends. */
const DRAIN_MS = 2000;

const options: ControlOptions = workerData;
const port = parentPort;
if (port === null) throw new Error('control.ts runs as a worker of the gpu-runner');
const tell = (message: FromControl) => port.postMessage(message);

const flags = openSharedFlags(options.flags);
let engines: readonly EngineProbe[] = [];
let address = '';

const board = createJobBoard({
  queueLimit: options.queueLimit,
  boot: randomBytes(4).toString('hex'),
  submit(ticket) {
    flags.clear(ticket.slot);
    tell({ type: 'job', ticket });
  },
  abort(ticket) {
    flags.abort(ticket.slot);
    tell({ type: 'cancel', ticket: ticket.id });
  },
});

const app = createControlApp({
  secret: options.secret,
  board,
  status: () => ({
    v: 1,
    pid: process.pid,
    uptime: process.uptime(),
    device: options.device,
    heartbeat_age_ms: flags.heartbeatAgeMs(),
    ...board.status(),
    memory: readMemory(),
    ...(options.killedForMemory && { killed_for_memory: true }),
    engines: engines.map(engine => ({ ...engine })),
  }),
});
/** What this process holds of models and trainings, it gives back when another job needs the room. */
function readMemory(): NonNullable<RunnerStatus['memory']> {
  const { limit, free } = readMachineMemory();
  return { limit_bytes: limit, ...(free !== undefined && { free_bytes: free + process.memoryUsage.rss() }) };
}

const server = createAdaptorServer({ fetch: app.fetch, hostname: options.host });

port.on('message', (message: ToControl) => {
  switch (message.type) {
    case 'engines':
      engines = message.engines;
      return;
    case 'started':
      return board.markStarted(message.ticket);
    case 'event':
      return board.record(message.ticket, message.event);
    case 'interrupted':
      return board.markInterrupted(message.ticket);
    case 'stopping':
      return stop();
    case 'close':
      return close();
  }
});

let stopping = false;

function stop(): void {
  if (stopping) return;
  stopping = true;
  board.stop();
  // The engine may never return. Then only a signal from this thread ends the process.
  setTimeout(() => {
    console.error(`easel runner: not stopped after ${options.stopDeadlineMs / 1000} s, ending the process`);
    process.kill(process.pid, 'SIGKILL');
  }, options.stopDeadlineMs);
}

function close(): void {
  const drained = setTimeout(
    () => ('closeAllConnections' in server ? server.closeAllConnections() : undefined),
    DRAIN_MS,
  );
  server.close(() => {
    clearTimeout(drained);
    tell({ type: 'closed' });
  });
  if ('closeIdleConnections' in server) server.closeIdleConnections();
}

function watchParent(): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
    tell({ type: 'stop', reason: 'the process that started it is gone' });
  }, PARENT_CHECK_MS);
}

async function start(): Promise<void> {
  try {
    await acquireDeviceLock(
      options.device,
      () => `the gpu-runner with pid ${process.pid} at ${address || 'no address yet'} (store ${options.storeUrl})`,
    );
  } catch (error) {
    return tell({ type: 'refused', error: describeError(error), exitCode: EXIT_DEVICE_HELD });
  }
  server.once('error', error => {
    const refusal = new InvalidInput(`cannot listen on ${options.host}:${options.port}: ${error.message}`, {
      hint: 'set EASEL_RUNNER_PORT to another port, or to 0 for any free one',
    });
    tell({ type: 'refused', error: describeError(refusal), exitCode: EXIT_CANNOT_LISTEN });
  });
  server.listen(options.port, options.host, () => {
    const bound = server.address() as AddressInfo;
    address = `http://${addBrackets(options.host)}:${bound.port}`;
    if (options.supervised) watchParent();
    tell({ type: 'listening', address });
  });
}

await start();
