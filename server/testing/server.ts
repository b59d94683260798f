/** @file A server in the process of a test: the app over a memory store, with the test functions. */
import type { Hono } from 'hono';
import { createLab, type Lab, noRunner } from '../../functions/testing/functions.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { createApp } from '../app.ts';
import type { ServerDeps } from '../deps.ts';
import { parseEnv } from '../env.ts';

export interface TestServer extends Lab {
  readonly app: Hono;
  readonly deps: ServerDeps;
  /** What was told to the log: defects only. */
  readonly logged: string[];
  /** A JSON request as curl sends it. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export function createTestServer(
  given: Parameters<typeof createLab>[0] & { readonly env?: Readonly<Record<string, string>> } = {},
): TestServer {
  const lab = createLab(given);
  const env = parseEnv({ EASEL_STORE: 'memory:', ...given.env }, '/');
  const deps: ServerDeps = { ...lab, runner: noRunner, env, clock: SYSTEM_CLOCK };
  const logged: string[] = [];
  const app = createApp(deps, { log: line => void logged.push(line) });
  return {
    ...lab,
    app,
    deps,
    logged,
    async send(method, path, body, headers = {}) {
      return app.request(path, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
export async function jsonOf(answer: Response | Promise<Response>): Promise<any> {
  return (await answer).json();
}

/** The problem document of an answer that must be one. */
export async function problemOf(sent: Promise<Response>): ReturnType<typeof jsonOf> {
  const answer = await sent;
  const body = await jsonOf(answer);
  if (answer.headers.get('content-type') !== 'application/problem+json' || body.status !== answer.status) {
    throw new Error(`not a problem document: ${answer.status} ${JSON.stringify(body)}`);
  }
  return body;
}

export interface SentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** The events of a stream that has ended. */
export function readEvents(text: string): SentEvent[] {
  return text.split('\n\n').flatMap(block => {
    const fields = new Map(
      block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
    );
    const data = fields.get('data');
    return data === undefined
      ? []
      : [{ event: fields.get('event') ?? '', id: fields.get('id'), data: JSON.parse(data) }];
  });
}
