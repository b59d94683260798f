/** @file Runs: show their state, stream their events, stop them. */
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { InvalidInput, NotFound } from '../../errors.ts';
import { describeError } from '../../errors-wire.ts';
import { makeProblem } from '../../formats/problem.ts';
import type { RunHandle } from '../../functions/execution/run-handle.ts';
import { parseDigest } from '../../storage/digest.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { readWait } from '../request-options.ts';
import { describeRun, finalEvent, runDocumentSchema } from '../run-document.ts';

/** Proxies close a connection that is silent for longer. */
const COMMENT_INTERVAL_MS = 15_000;
const RETRY_MS = 2000;
/** Time for which a DELETE waits for the work to stop before it answers. */
const CANCEL_WAIT_MS = 2000;

export function createRunRoutes({ executor }: ServerDeps): Hono {
  const app = new Hono();

  async function findRun(c: Context): Promise<RunHandle> {
    const action = parseDigest(c.req.param('action') ?? '');
    const run = await executor.findRun(action);
    if (run) return run;
    throw new NotFound(`there is no run of ${action}`, {
      expected: 'the action of an earlier call',
      hint: 'POST /functions/<name> answers with the action of a call',
    });
  }

  app.get('/runs/:action', async c => {
    const run = await findRun(c);
    const seconds = readWait(c.req.header('prefer'), 0);
    const state = seconds > 0 ? await run.wait(seconds * 1000, c.req.raw.signal) : await run.state();
    return c.json(describeRun(state), 200, { 'cache-control': 'no-store' });
  });

  app.get('/runs/:action/events', async c => {
    const run = await findRun(c);
    const after = readLastEventId(c.req.header('last-event-id'));
    return streamSSE(
      c,
      async stream => {
        const gone = new AbortController();
        stream.onAbort(() => gone.abort());
        const comments = setInterval(() => void stream.write(': still here\n\n'), COMMENT_INTERVAL_MS);
        try {
          await stream.write(`retry: ${RETRY_MS}\n\n`);
          let id = after;
          for await (const event of run.events(after, gone.signal)) {
            id = event.id;
            await stream.writeSSE({ event: 'progress', id: String(id), data: JSON.stringify(event.data) });
          }
          if (gone.signal.aborted) return;
          await stream.writeSSE({ ...finalEvent(await run.state()), id: String(id + 1) });
        } finally {
          clearInterval(comments);
        }
      },
      async (error, stream) => {
        await stream.writeSSE({ event: 'failed', data: JSON.stringify(makeProblem(describeError(error), c.req.path)) });
      },
    );
  });

  app.delete('/runs/:action', async c => {
    const run = await findRun(c);
    run.cancel();
    return c.json(describeRun(await run.wait(CANCEL_WAIT_MS)), 202);
  });

  return app;
}

function readLastEventId(header: string | undefined): number {
  if (header === undefined || header === '') return 0;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new InvalidInput(`Last-Event-ID "${header.slice(0, 50)}" is wrong`, {
    expected: 'the id of an event of this run',
  });
}

export const runDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/runs/:action',
    summary:
      'Show the state of a run, with its result or problem. With `Prefer: wait=N`, wait up to N seconds for the end.',
    answer: runDocumentSchema,
  },
  {
    method: 'get',
    path: '/runs/:action/events',
    summary:
      'Stream server-sent events: `progress` as it happens, then one `done` or `failed`. Last-Event-ID replays ' +
      'later events.',
    produces: 'text/event-stream',
  },
  {
    method: 'delete',
    path: '/runs/:action',
    summary: 'Stop a run for all its callers. Finished work stays, and the same call goes on from there.',
    responses: { 202: 'the run is stopping' },
    answer: runDocumentSchema,
  },
];
