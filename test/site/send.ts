/** @file Requests as curl sends them: JSON in, JSON out, sent again while no server listens. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The bytes as JSON; undefined if the answer is of another type. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire, looked at by assertions
  readonly body: any;
}

/** Sends a request. A string is a body as it is; other bodies are sent as JSON. */
export type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** The body of an answer that must have the status. @throws Error with the answer. */
export type ExpectJson = (
  status: number,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire, looked at by assertions
) => Promise<any>;

/** Longest time that a server may take to be there again after a kill. */
const RESTART_MS = 60_000;
const PAUSE_MS = 50;

/**
 * @param urlOf Address of the server, asked for each attempt.
 * @param common Headers of each request. Default: JSON is wanted. A POST without a header `prefer` is sent again while
 * its answer is 202, so it ends with its run.
 * @throws TypeError when no server answered within a minute.
 */
export function createSend(urlOf: () => string, common: Readonly<Record<string, string>> = {}): Send {
  return async (method, path, body, headers = {}) => {
    const request = {
      method,
      headers: {
        accept: 'application/json',
        prefer: 'wait=60',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...common,
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    };
    const waitsForRun = method === 'POST' && !('prefer' in { ...common, ...headers });
    for (let deadline = performance.now() + RESTART_MS; ; ) {
      try {
        const answer = await readAnswer(await fetch(urlOf() + path, request));
        if (answer.status !== 202 || !waitsForRun) return answer;
        deadline = performance.now() + RESTART_MS;
      } catch (error) {
        // A connection that is refused or breaks off is a TypeError.
        if (!(error instanceof TypeError) || performance.now() > deadline) throw error;
        await sleep(PAUSE_MS);
      }
    }
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = /^application\/(.+\+)?json\b/.test(headers.get('content-type') ?? '');
  return { status, headers, bytes, body: isJson ? JSON.parse(bytes.toString()) : undefined };
}
