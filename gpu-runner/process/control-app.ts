/** @file The runner's HTTP interface as a Hono app. Its only state is the board. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { isLoopback } from '../../configs/loopback.ts';
import { Forbidden, InvalidInput, NotFound, PayloadTooLarge, Unauthorized } from '../../errors.ts';
import { describeError } from '../../errors-wire.ts';
import { makeProblem } from '../../formats/problem.ts';
import { parseDigest } from '../../storage/digest.ts';
import { jobSchema, RUNNER_ROUTES, type RunnerStatus } from '../protocol.ts';
import type { JobBoard } from './job-board.ts';

const KEEP_ALIVE_MS = 15_000;
const MAX_BODY_BYTES = 1 << 20;

export interface ControlAppOptions {
  readonly secret: string;
  readonly board: JobBoard;
  status(): RunnerStatus;
  readonly keepAliveMs?: number;
}

export function createControlApp({ secret, board, status, keepAliveMs = KEEP_ALIVE_MS }: ControlAppOptions): Hono {
  const app = new Hono();
  const expected = sha256(`Bearer ${secret}`);

  app.use(async (c, next) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host;
    if (!isLoopback(host.replace(/:\d+$/, ''))) {
      throw new Forbidden(`the Host header "${host}" is not a loopback address`, {
        hint: 'the gpu-runner answers this machine only; call the server instead',
      });
    }
    // A comparison in constant time needs equal lengths, which digests have.
    if (!timingSafeEqual(sha256(c.req.header('authorization') ?? ''), expected)) {
      throw new Unauthorized("the runner's secret is missing or wrong", {
        expected: 'authorization: Bearer <secret>',
        hint: 'give server and runner the same EASEL_RUNNER_SECRET, or start both with `easel up`',
      });
    }
    await next();
  });

  app.put(
    RUNNER_ROUTES.job,
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new PayloadTooLarge('the job is larger than 1 MiB', { expected: 'digests in place of data' });
      },
    }),
    async c => {
      const action = parseDigest(c.req.param('action'));
      const body: unknown = await c.req.json().catch(() => undefined);
      const job = jobSchema.safeParse(body);
      if (!job.success) {
        throw new InvalidInput(`the job is not well-formed: ${z.prettifyError(job.error)}`, {
          expected: 'JSON as jobSchema of gpu-runner/protocol.ts',
          hint: 'server and runner may have different versions: restart both',
        });
      }
      const document = board.put(action, job.data);
      return c.json(document, document.state === 'done' ? 200 : 202);
    },
  );

  app.get(RUNNER_ROUTES.job, c => c.json(board.look(c.req.param('action'))));

  app.delete(RUNNER_ROUTES.job, c =>
    c.json({ v: 1, cancelling: board.cancel(c.req.param('action'), c.req.query('client')) }, 202),
  );

  app.get(RUNNER_ROUTES.events, c => {
    const watcher = board.watch(c.req.param('action'), c.req.query('client') ?? '', c.req.header('last-event-id'));
    return streamSSE(c, async stream => {
      stream.onAbort(() => watcher.close());
      try {
        for (;;) {
          const events = await watcher.next(keepAliveMs);
          if (events === undefined) return;
          if (events.length === 0) await stream.write(': keep-alive\n\n');
          for (const { id, event } of events)
            await stream.writeSSE({ id, event: event.type, data: JSON.stringify(event) });
        }
      } finally {
        watcher.close();
      }
    });
  });

  app.get(RUNNER_ROUTES.status, c => c.json(status()));

  app.notFound(c =>
    problem(
      new NotFound(`${c.req.method} ${c.req.path} is unknown`, { expected: Object.values(RUNNER_ROUTES).join(', ') }),
    ),
  );
  app.onError(error => problem(error));
  return app;
}

/** A problem document, with the details of the error (the server acts on them) and the exact time to wait. */
function problem(thrown: unknown): Response {
  const error = describeError(thrown);
  const { details, retry_after_seconds: after } = error;
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (after !== undefined) headers['retry-after'] = String(Math.ceil(after));
  return new Response(JSON.stringify({ ...makeProblem(error), details, retry_after_seconds: after }), {
    status: error.status,
    headers,
  });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
