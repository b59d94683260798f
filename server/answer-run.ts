/** @file Answers a call that may take long: with its result, its problem, or the address of its run. */
import type { Context } from 'hono';
import type { RunHandle } from '../functions/execution/run-handle.ts';
import { sendProblem } from './problem.ts';
import { readWait } from './request-options.ts';
import { describeRun, runPath } from './run-document.ts';

/** Seconds that a call without a `Prefer` header waits for its result. */
const DEFAULT_WAIT_SECONDS = 2;

/** Answers 200 with the document of the run, 202 with Location while it goes on, or its problem. */
export async function answerRun(c: Context, run: RunHandle): Promise<Response> {
  const seconds = readWait(c.req.header('prefer'), DEFAULT_WAIT_SECONDS);
  const state = await run.wait(seconds * 1000, c.req.raw.signal);
  const location = runPath(run.action);
  if (state.error) return sendProblem(state.error, location);
  if (state.state !== 'done') return c.json(describeRun(state), 202, { location, 'retry-after': '2' });
  return c.json(describeRun(state), 200, { 'content-location': location, 'x-cache': state.cache ?? 'miss' });
}
