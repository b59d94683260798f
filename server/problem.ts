/** @file The one place where a thrown error becomes an HTTP answer: a problem document with its headers. */
import type { Context } from 'hono';
import { describeError, type WireError } from '../errors-wire.ts';
import { makeProblem } from '../formats/problem.ts';

/** Seconds, for a 503 that names no other time. */
const RETRY_AFTER = 5;

export function sendProblem(error: WireError, instance?: string): Response {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  const after = error.retry_after_seconds ?? (error.status === 503 ? RETRY_AFTER : undefined);
  if (after !== undefined) headers['retry-after'] = String(Math.ceil(after));
  if (error.status === 401) headers['www-authenticate'] = 'Bearer realm="easel"';
  // Response throws on other statuses, which would lose the problem.
  const status = error.status >= 400 && error.status <= 599 ? error.status : 500;
  return new Response(`${JSON.stringify(makeProblem(error, instance))}\n`, { status, headers });
}

/** For `app.onError`. Answers any error and tells `log` those that concern the operator, defects with their stack. */
export function handleError(log: (line: string) => void): (error: Error, c: Context) => Response {
  return (error, c) => {
    const described = describeError(error);
    if (described.status >= 500 && described.code !== 'busy') {
      const said = described.retryable ? error.message : (error.stack ?? error.message);
      log(`${c.req.method} ${c.req.path}: ${said}`);
    }
    return sendProblem(described, c.req.path);
  };
}
