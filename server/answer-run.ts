/** @file How a call that may take long is answered: its result, its problem, or where to look for them. */
import type { Context } from 'hono';
import type { RunHandle } from '../functions/execution/executor.ts';
import { readWait } from './prefer.ts';
import { sendProblem } from './problem.ts';
import { describeRun, runPath } from './run-document.ts';

/** What a call waits for its result without a `Prefer` header. */
const DEFAULT_WAIT_SECONDS = 2;

/** 200 with the run's document, 202 + Location while it goes on, or its problem. */
export async function answerRun(c: Context, run: RunHandle): Promise<Response> {
  const seconds = readWait(c.req.header('prefer'), DEFAULT_WAIT_SECONDS);
  const state = await run.wait(seconds * 1000, c.req.raw.signal);
  const location = runPath(run.action);
  if (state.error) return sendProblem(state.error, location);
  if (state.state !== 'done') return c.json(describeRun(state), 202, { location, 'retry-after': '2' });
  return c.json(describeRun(state), 200, { 'content-location': location, 'x-cache': state.cache ?? 'miss' });
}
