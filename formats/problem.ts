/** @file Problem documents (RFC 9457, application/problem+json): how an error travels over HTTP. */
import { z } from 'zod';
import { isNestedTooDeeply, type WireError, wireErrorSchema } from '../errors-wire.ts';

/** One wrong field of a body: `pointer` is a JSON pointer (RFC 6901). */
const bodyIssueSchema = z.object({ pointer: z.string(), detail: z.string() });
export type BodyIssue = Readonly<z.infer<typeof bodyIssueSchema>>;

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
  errors: z.array(bodyIssueSchema.strict()).optional(),
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

function titleOf(code: string): string {
  return (Object.hasOwn(TITLES, code) && TITLES[code]) || code.replaceAll('_', ' ');
}

/** @param instance Path of the call or run that failed. */
export function makeProblem(error: WireError, instance?: string): Problem {
  const issues = listIssues(error.details?.issues);
  return {
    type: `urn:easel:problem:${error.code}`,
    title: titleOf(error.code),
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

/**
 * The error of a document that {@link makeProblem} made, in this version or another. Drops unknown keys; `errors`
 * become `details.issues`. Leaves out details that are nested too deeply.
 * @param retryAfter The header Retry-After in seconds.
 * @returns Undefined if it is not such a document.
 */
export function readProblem(document: unknown, retryAfter?: string | null): WireError | undefined {
  const parsed = readableSchema.safeParse(withoutDeepDetails(document));
  if (!parsed.success) return undefined;
  const { detail, errors, details = {}, ...rest } = parsed.data;
  const all = errors === undefined ? details : { ...details, issues: errors };
  const seconds = retryAfter === undefined || retryAfter === null ? Number.NaN : Number(retryAfter);
  return {
    ...(Number.isFinite(seconds) && { retry_after_seconds: seconds }),
    ...rest,
    message: detail,
    ...(Object.keys(all).length > 0 && { details: all }),
  };
}

/** The schema reads details recursively, so deep ones would overflow the stack. */
function withoutDeepDetails(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || !('details' in document)) return document;
  const { details, ...rest } = document;
  return isNestedTooDeeply(details) ? rest : document;
}

/** `details` and `retry_after_seconds` come from the gpu-runner only: the server sends neither in its documents. */
const readableSchema = wireErrorSchema.omit({ message: true }).extend({
  detail: z.string(),
  retryable: z.boolean().default(false),
  errors: z.array(bodyIssueSchema).exactOptional(),
});

/** The wrong fields in `details.issues` of an error. Some errors list them as plain lines. */
export function listIssues(issues: unknown): BodyIssue[] {
  if (!Array.isArray(issues)) return [];
  return issues.flatMap((issue: unknown) => {
    if (typeof issue === 'string') return [{ pointer: '', detail: issue }];
    return bodyIssueSchema.safeParse(issue).data ?? [];
  });
}
