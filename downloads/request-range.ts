/**
 * @file One HTTP request for a range of a file (RFC 9110, sections 13.1.5 and 14), through redirects. A token goes to
 * the host that it belongs to, never to the one that a redirect names.
 */
import { type AppError, Unprocessable } from '../errors.ts';
import type { Span } from './byte-spans.ts';

const MOST_REDIRECTS = 8;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Codes that may be gone at the next try. */
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];
const SHA256 = /^"?([0-9a-f]{64})"?$/;

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface RangeRequest {
  readonly url: string;
  /** Absent: the whole file. */
  readonly span?: Span | undefined;
  /** The version of the file that the range must belong to. Only strong ones are sent. */
  readonly etag?: string | undefined;
  /** Bearer token for the host of `url`. */
  readonly token?: string | undefined;
  readonly signal: AbortSignal;
  readonly fetch?: Fetch | undefined;
}

/** What the answers say of a file. */
export interface FileFacts {
  /** Bytes of the whole file. */
  readonly size: number;
  readonly etag?: string | undefined;
  /** The sha256 that Hugging Face names for a large file, in hexadecimal. */
  readonly claimed?: string | undefined;
}

export interface RangeAnswer extends FileFacts {
  /** The bytes in `body`: those asked for, or the whole file. */
  readonly span: Span;
  readonly isWhole: boolean;
  readonly body: ReadableStream<Uint8Array>;
}

/** The server refused or failed in a way that may pass. */
export class PassingFailure extends Error {
  /** Milliseconds that the server asks to wait. */
  readonly waitMs: number | undefined;

  constructor(message: string, waitMs?: number, cause?: unknown) {
    super(message, { cause });
    this.waitMs = waitMs;
  }
}

/**
 * @throws PassingFailure if a later try may succeed; Unprocessable for a refusal, a wrong range, or a redirect that
 * leaves https; the signal's reason.
 */
export async function requestRange(request: RangeRequest): Promise<RangeAnswer> {
  const { response, claimed, url } = await follow(request);
  if (response.status !== 200 && response.status !== 206) {
    await response.body?.cancel();
    throw refusal(response, request, url);
  }
  try {
    if (response.body === null) throw new PassingFailure('the answer has no body');
    const etag = response.headers.get('etag') ?? undefined;
    const { span, size, isWhole } = readSpan(response, request.span);
    return { body: response.body, span, size, isWhole, etag, claimed };
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
}

async function follow({ url: first, span, etag, token, signal, fetch: send = fetch }: RangeRequest) {
  const origin = new URL(first).origin;
  let url = first;
  let claimed: string | undefined;
  for (let redirects = 0; ; redirects++) {
    const response = await send(url, {
      redirect: 'manual',
      signal,
      headers: {
        // A compressed body would have other bytes and no ranges.
        'accept-encoding': 'identity',
        ...(span && { range: `bytes=${span.start}-${span.end - 1}` }),
        ...(span && etag?.startsWith('"') && { 'if-range': etag }),
        ...(token !== undefined && new URL(url).origin === origin && { authorization: `Bearer ${token}` }),
      },
    }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new PassingFailure(reasonOf(cause), undefined, cause);
    });
    claimed ??= SHA256.exec(response.headers.get('x-linked-etag') ?? '')?.[1];
    const location = response.headers.get('location');
    if (!REDIRECTS.includes(response.status) || location === null) return { response, claimed, url };
    await response.body?.cancel();
    if (redirects === MOST_REDIRECTS) throw new Unprocessable(`${first} redirects more than ${MOST_REDIRECTS} times`);
    const next = new URL(location, url);
    const isSafe = next.protocol === 'https:' || (next.protocol === 'http:' && url.startsWith('http:'));
    if (!isSafe) throw new Unprocessable(`${first} redirects to ${next.protocol}//${next.host}`, { expected: 'https' });
    url = next.href;
  }
}

function readSpan(response: Response, asked: Span | undefined) {
  if (response.status === 200) {
    const size = Number(response.headers.get('content-length') ?? Number.NaN);
    if (!Number.isSafeInteger(size)) throw new Unprocessable('the server does not say how long the file is');
    return { span: { start: 0, end: size }, size, isWhole: true };
  }
  const range = response.headers.get('content-range') ?? '';
  const [, first, last, total] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? []).map(Number);
  const isAsked = asked !== undefined && first === asked.start && last !== undefined && last < asked.end;
  if (!isAsked || total === undefined || last < first) {
    throw new Unprocessable(`the server answered the range "${range}"`, {
      expected: asked ? `bytes ${asked.start}-${asked.end - 1} of the file` : 'the whole file',
    });
  }
  return { span: { start: first, end: last + 1 }, size: total, isWhole: false };
}

function refusal(response: Response, request: RangeRequest, url: string): AppError | PassingFailure {
  const { status, statusText, headers } = response;
  const said = `the answer is ${status} ${statusText}`.trim();
  const after = headers.get('retry-after');
  if (PASSING.includes(status)) {
    return new PassingFailure(said, after !== null && /^\d+$/.test(after) ? Number(after) * 1000 : undefined);
  }
  const { host, origin } = new URL(request.url);
  // The signature of an address to which a host redirected runs out; the host then gives another one.
  if (new URL(url).origin !== origin && [400, 401, 403].includes(status)) return new PassingFailure(said);
  if (status === 401 || status === 403) {
    return new Unprocessable(`${host} refuses ${request.url}: ${said}`, {
      expected: 'a model that anyone may download, or a token of somebody who may',
      hint:
        request.token === undefined
          ? 'accept the licence on the page of the model, and start the server with HF_TOKEN set to your token'
          : 'accept the licence on the page of the model with the account of HF_TOKEN; a token needs the right to read',
    });
  }
  return new Unprocessable(`${request.url} could not be downloaded: ${said}`, {
    expected: 'a file at that address',
  });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
