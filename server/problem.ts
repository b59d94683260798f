/** @file The one place where an error becomes application/problem+json (RFC 9457). */
import type { Context } from 'hono';
import { z } from 'zod';
import type { BodyIssue } from '../functions/execution/check-body.ts';
import { describeError, type ThrownError } from '../functions/execution/thrown.ts';

/** The document; `errors` has one entry for each thing that is wrong with a body. */
export const problemSchema = z.strictObject({
  type: z.string().meta({ description: 'urn:easel:problem:<code>' }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'what was wrong' }),
  code: z.string(),
  expected: z.string().optional(),
  hint: z.string().optional().meta({ description: 'what to do' }),
  retryable: z.boolean(),
  instance: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
});

export type Problem = z.infer<typeof problemSchema>;

/** Titles by code: the same for every problem of one type (RFC 9457, section 3.1.3). */
const TITLES: Readonly<Record<string, string>> = {
  invalid_input: 'The request is malformed',
  unauthorized: 'No valid credentials',
  forbidden: 'Not allowed from there',
  not_found: 'Not found',
  blob_missing: 'A blob is missing from the store',
  method_not_allowed: 'Method not allowed',
  conflict: 'The current state forbids it',
  precondition_failed: 'It changed meanwhile',
  payload_too_large: 'The body is too large',
  unsupported_media_type: 'The media type is not supported',
  unprocessable: 'Well-formed, but it cannot be done',
  cancelled: 'The run was cancelled',
  busy: 'No capacity now',
  store_unreachable: 'The store cannot be reached',
  store_full: 'The store is full',
  store_denied: 'The store refuses access',
  ambiguous: 'It is not known whether the write was committed',
  corrupt: 'Stored data is damaged',
  internal: 'A defect, or a failure of the machine',
};

export function makeProblem(error: ThrownError, instance?: string): Problem {
  const issues = listBodyIssues(error.details.issues);
  return {
    type: `urn:easel:problem:${error.code}`,
    title: TITLES[error.code] ?? error.code.replaceAll('_', ' '),
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
    ...(instance === undefined ? {} : { instance }),
    ...(issues.length === 0 ? {} : { errors: issues }),
  };
}

export function sendProblem(thrown: ThrownError, instance?: string): Response {
  const problem = makeProblem(thrown, instance);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  if (thrown.retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.ceil(thrown.retryAfterSeconds));
  else if (thrown.status === 503) headers['retry-after'] = '5';
  if (thrown.status === 401) headers['www-authenticate'] = 'Bearer realm="easel"';
  // A status that Response refuses to carry must not lose the problem.
  const status = thrown.status >= 400 && thrown.status <= 599 ? thrown.status : 500;
  return new Response(`${JSON.stringify(problem)}\n`, { status, headers });
}

/** For `app.onError`: maps anything thrown; what the operator should know goes to `log`, defects of ours with their stack. */
export function handleError(log: (line: string) => void): (error: Error, c: Context) => Response {
  return (error, c) => {
    const thrown = describeError(error);
    if (thrown.status >= 500 && thrown.code !== 'busy') {
      const said = thrown.retryable ? error.message : (error.stack ?? error.message);
      log(`${c.req.method} ${c.req.path}: ${said}`);
    }
    return sendProblem(thrown, c.req.path);
  };
}

/** Some callers list their issues as plain lines. */
function listBodyIssues(issues: unknown): BodyIssue[] {
  if (!Array.isArray(issues)) return [];
  return issues.flatMap((issue: unknown) => {
    if (typeof issue === 'string') return [{ pointer: '', detail: issue }];
    if (typeof issue !== 'object' || issue === null) return [];
    const { pointer, detail } = issue as { readonly pointer?: unknown; readonly detail?: unknown };
    return typeof pointer === 'string' && typeof detail === 'string' ? [{ pointer, detail }] : [];
  });
}
