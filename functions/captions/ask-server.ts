/** @file One HTTP request to a server of models. What went wrong says whether asking again may help. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { plainLine } from '../../configs/plain-text.ts';
import type { CaptionServer } from './caption-servers.ts';

/** An answer of JSON has a few kilobytes. */
const MAX_ANSWER_BYTES = 2 << 20;
const MAX_SHOWN = 300;

export interface Asked {
  readonly path: string;
  /** Sent as JSON by POST; absent: GET. */
  readonly body?: unknown;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export type FailureKind =
  /** Nothing listens at the address. */
  | 'refused'
  /** No answer within the deadline. */
  | 'slow'
  /** The server is busy, broke the connection, or answered something else than JSON. */
  | 'troubled'
  /** The server refuses the question itself. */
  | 'rejected';

/** Why a request has no answer. */
export class AskFailure extends Error {
  override readonly name = 'AskFailure';
  readonly kind: FailureKind;
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** The header `Retry-After`, if the answer has it. */
  readonly retryAfter: string | undefined;

  constructor(kind: FailureKind, message: string, more: { status?: number; retryAfter?: string | undefined } = {}) {
    super(message);
    this.kind = kind;
    this.status = more.status;
    this.retryAfter = more.retryAfter;
  }
}

/**
 * The JSON of the answer. Redirects are not followed: they could carry picture and key to an address that the
 * environment does not name.
 * @throws AskFailure, or the reason of the signal.
 */
export async function askServer(server: CaptionServer, asked: Asked): Promise<unknown> {
  const { deadlineMs, signal } = asked;
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response = await send(server, asked, AbortSignal.any([signal, deadline]));
    const status = response.statusCode ?? 0;
    const text = await readText(response);
    if (status < 200 || status > 299) throw failureOf(status, response.headers['retry-after'], text, server);
    try {
      return JSON.parse(text);
    } catch {
      throw new AskFailure('troubled', 'the answer is not JSON', { status });
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AskFailure) throw error;
    if (deadline.aborted) throw new AskFailure('slow', `no answer within ${deadlineMs / 1000} s`);
    throw brokenBy(error);
  }
}

/** By node:http, since `fetch` gives up after five minutes without an answer. */
function send(server: CaptionServer, { path, body }: Asked, signal: AbortSignal): Promise<IncomingMessage> {
  const url = new URL(`${server.url}${path}`);
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    accept: 'application/json',
    ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
    ...(server.key !== undefined && { authorization: `Bearer ${server.key}` }),
  };
  return new Promise((resolve, reject) => {
    const options = { method: bytes ? 'POST' : 'GET', headers, signal };
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    request.on('response', resolve).on('error', reject).end(bytes);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response) {
    size += piece.length;
    if (size > MAX_ANSWER_BYTES) throw new AskFailure('troubled', `an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** 408, 409, 425, 429 and 5xx may pass. */
function failureOf(status: number, retryAfter: string | undefined, text: string, { key }: CaptionServer): AskFailure {
  const passes = [408, 409, 425, 429].includes(status) || status >= 500;
  const said = saidIn(text);
  // Some servers repeat a wrong key in their answer.
  const shown = key === undefined ? said : said.replaceAll(key, '...');
  const message = `HTTP ${status}${shown === '' ? '' : `: ${shown}`}`;
  return new AskFailure(passes ? 'troubled' : 'rejected', message, { status, retryAfter });
}

/** `{"error": "..."}` of Ollama, `{"error": {"message": "..."}}` of others, or the text itself. */
function saidIn(text: string): string {
  let said: unknown = text;
  try {
    const { error } = JSON.parse(text);
    said = typeof error === 'string' ? error : (error?.message ?? text);
  } catch {
    // It is shown as it is.
  }
  return plainLine(String(said)).slice(0, MAX_SHOWN);
}

/** Milliseconds of `Retry-After` (RFC 9110): seconds, or a date. @param now Milliseconds since the epoch. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function brokenBy(error: unknown): AskFailure {
  const given = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in given ? String(given.code) : '';
  if (code === 'ECONNREFUSED') return new AskFailure('refused', 'the connection was refused');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new AskFailure('refused', 'its name is unknown');
  return new AskFailure('troubled', `the connection broke: ${code || given.message}`);
}
