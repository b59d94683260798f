/** @file HTTP to one runner. A failure of the network becomes LinkLost; an answer becomes a value or an AppError. */
import { z } from 'zod';
import { Internal, NotFound } from '../../errors.ts';
import { rebuildError } from '../../errors-wire.ts';
import { readProblem } from '../../formats/problem.ts';
import { readServerSentEvents } from '../../formats/server-sent-events.ts';
import type { Clock } from '../../storage/clock.ts';
import {
  type Job,
  type JobDocument,
  type JobEvent,
  jobDocumentSchema,
  jobEventSchema,
  type RunnerStatus,
  runnerStatusSchema,
} from '../protocol.ts';

/** The control worker answers in milliseconds, even while the main thread is blocked. */
const ANSWER_MS = 5000;
/** Three missing keep-alive comments. */
const SILENCE_MS = 45_000;
const RECONNECTS = 5;
const RECONNECT_MS = 100;

/** The runner is away, restarts, or has forgotten the job: submit the job again. */
export class LinkLost extends Error {
  override readonly name = 'LinkLost';
}

/** Nothing listens at the address, so that another attempt at once is useless. */
class ConnectionRefused extends LinkLost {}

export interface RunnerLink {
  readonly address: string;
  /** @throws LinkLost, or the error that the runner answers. */
  status(signal: AbortSignal): Promise<RunnerStatus>;
  /** Takes no signal, since an aborted submission may have arrived: cancel the job instead. */
  submit(action: string, job: Job): Promise<JobDocument>;
  /** Whether the runner knows the job and it has not failed. False when the runner does not answer. */
  knows(action: string, signal: AbortSignal): Promise<boolean>;
  /** All events up to `done` or `failed`; connects again when a connection breaks. @throws LinkLost */
  follow(action: string, client: string, signal: AbortSignal): AsyncGenerator<JobEvent>;
  cancel(action: string, client: string): Promise<void>;
}

export function createRunnerLink(
  { address, secret }: { readonly address: string; readonly secret: string },
  doFetch: typeof fetch,
  clock: Clock,
): RunnerLink {
  async function request(path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    const headers = { authorization: `Bearer ${secret}`, ...init.headers };
    const response = await doFetch(new URL(path, address), { ...init, headers }).catch((error: unknown) => {
      throw lost(error);
    });
    if (response.ok) return response;
    const error = readProblem(await response.json().catch(() => undefined));
    if (error === undefined) throw new LinkLost(`HTTP ${response.status} from something that is not a gpu-runner`);
    throw rebuildError(error);
  }

  async function ask<T>(schema: z.ZodType<T>, path: string, signal: AbortSignal, init: RequestInit = {}): Promise<T> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await request(path, { ...init, signal: deadline });
    const body: unknown = await response.json().catch((error: unknown) => {
      throw lost(error);
    });
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new Internal(
      `the gpu-runner at ${address} answered ${path} in an unknown form: ${z.prettifyError(parsed.error)}`,
      {
        hint: 'server and runner may have different versions: restart both',
      },
    );
  }

  /** The events after `lastId` that one connection brings. */
  async function* connect(action: string, client: string, lastId: string | undefined, signal: AbortSignal) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new LinkLost('the stream fell silent')), SILENCE_MS);
    try {
      const response = await request(`/jobs/${action}/events?client=${client}`, {
        headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (response.body === null) return;
      for await (const message of readServerSentEvents(response.body, () => timer.refresh())) {
        yield { id: message.id, event: jobEventSchema.parse(JSON.parse(message.data)) };
      }
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    address,
    status: signal => ask(runnerStatusSchema, '/status', signal),
    submit: (action, job) =>
      ask(jobDocumentSchema, `/jobs/${action}`, AbortSignal.timeout(ANSWER_MS), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(job),
      }),
    knows: (action, signal) =>
      ask(jobDocumentSchema, `/jobs/${action}`, signal).then(
        document => document.state !== 'failed',
        () => false,
      ),
    async *follow(action, client, signal) {
      let lastId: string | undefined;
      for (let failures = 0; ; failures++) {
        let reason: unknown = 'the stream ended';
        try {
          for await (const { id, event } of connect(action, client, lastId, signal)) {
            lastId = id ?? lastId;
            failures = 0;
            yield event;
            if (event.type === 'done' || event.type === 'failed') return;
          }
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof z.ZodError) throw new Internal('the gpu-runner sent an unknown event', { cause: error });
          reason = error;
        }
        if (reason instanceof ConnectionRefused || reason instanceof NotFound || failures === RECONNECTS)
          throw lost(reason);
        await clock.sleep(RECONNECT_MS * 2 ** failures, signal);
      }
    },
    async cancel(action, client) {
      await request(`/jobs/${action}?client=${client}`, { method: 'DELETE', signal: AbortSignal.timeout(ANSWER_MS) });
    },
  };
}

function lost(reason: unknown): LinkLost {
  if (reason instanceof LinkLost) return reason;
  const error = reason instanceof Error ? reason : new Error(String(reason));
  // The message of undici is always "fetch failed"; its cause has the reason.
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const code = cause !== undefined && 'code' in cause ? String(cause.code) : undefined;
  const message = code ?? cause?.message ?? error.message;
  return code === 'ECONNREFUSED'
    ? new ConnectionRefused(message, { cause: error })
    : new LinkLost(message, { cause: error });
}
