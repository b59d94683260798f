/** @file A client of the HTTP API. Problem documents become errors. It follows runs to their end and prints nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ProgressEvent, progressSchema } from '../configs/progress.ts';
import { AppError, Cancelled, Internal } from '../errors.ts';
import { readServerSentEvents, type ServerSentEvent } from '../formats/server-sent-events.ts';

/** Time until an unanswered request is given up, beyond the wait that was asked for. */
const ANSWER_MS = 30_000;
/** Time to wait for a server that restarts. */
const RETURN_MS = 30_000;
const RECONNECT_MS = 250;
/** Longer than two missed keep-alive comments. */
const SILENCE_MS = 45_000;
/** Attempts at a call whose run the server has forgotten. Calls are idempotent. */
const ATTEMPTS = 5;

export type JsonValue = z.infer<ReturnType<typeof z.json>>;

const problemSchema = z.looseObject({
  status: z.int(),
  detail: z.string().default('no detail was given'),
  code: z.string().default('unknown'),
  expected: z.string().optional(),
  hint: z.string().optional(),
  retryable: z.boolean().default(false),
  errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).optional(),
});

/** A problem document from the server. `details.errors` lists the wrong fields of a body. */
export class ApiProblem extends AppError {
  readonly code: string;
  readonly status: number;
  override readonly retryable: boolean;

  constructor(problem: z.infer<typeof problemSchema>, retryAfterSeconds?: number) {
    super(problem.detail, {
      ...(problem.expected === undefined ? {} : { expected: problem.expected }),
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      details: problem.errors === undefined ? {} : { errors: problem.errors },
    });
    this.code = problem.code;
    this.status = problem.status;
    this.retryable = problem.retryable;
  }
}

/** No server answers at the address. */
export class Unreachable extends AppError {
  readonly code = 'unreachable';
  readonly status = 503;
  override readonly retryable = true;
}

export interface CallOptions {
  readonly onEvent?: (event: ProgressEvent) => void;
  /** Seconds that the server may wait for the result before it answers (RFC 7240 `wait`); default 2. */
  readonly wait?: number;
  readonly skipCache?: boolean;
  readonly signal?: AbortSignal;
}

export interface CallOutcome {
  /** Of a pure function { v, action, outputs, links, stats }; of an effect the JSON that it returned. */
  readonly result: JsonValue;
  /** Absent if the server does not say. */
  readonly cache?: 'hit' | 'miss';
  /** Digest of the action. */
  readonly action?: string;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ApiClient {
  /** Address of the server, without a slash at the end. */
  readonly url: string;
  /** Makes any call; sends the body as JSON. @throws ApiProblem, Unreachable */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  put<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  delete(path: string): Promise<void>;
  /** Gets the bytes of a blob or picture. */
  bytes(path: string): Promise<Uint8Array>;
  /** A POST that may answer 202: follows the run, and repeats the call if a restarted server has forgotten the run. */
  run(path: string, body: unknown, options?: CallOptions): Promise<CallOutcome>;
  /** {@link run} on `/functions/<name>`. */
  call(name: string, body: unknown, options?: CallOptions): Promise<CallOutcome>;
}

/** The server that answers now does not know the run. */
class RunForgotten extends Error {}

/** A run's document when it is done, and the data of its event `done`. */
const doneSchema = z
  .looseObject({ result: z.json(), cache: z.enum(['hit', 'miss']).optional(), action: z.string().optional() })
  .transform(
    ({ result, cache, action }): CallOutcome => ({
      result,
      ...(cache === undefined ? {} : { cache }),
      ...(action === undefined ? {} : { action }),
    }),
  );

export function createApiClient(url: string, token?: string): ApiClient {
  const base = url.replace(/\/+$/, '');

  async function send(method: string, path: string, options: RequestOptions, signal: AbortSignal): Promise<Response> {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal,
    }).catch((error: unknown) => {
      throw options.signal?.aborted === true ? new Cancelled('the call was cancelled') : unreachable(base, error);
    });
    if (response.ok) return response;
    throw await readProblem(response);
  }

  function request(method: string, path: string, options: RequestOptions = {}, waitSeconds = 0): Promise<Response> {
    const deadline = AbortSignal.timeout(ANSWER_MS + waitSeconds * 1000);
    return send(
      method,
      path,
      options,
      options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]),
    );
  }

  async function json<T>(schema: z.ZodType<T>, method: string, path: string, body?: unknown): Promise<T> {
    const response = await request(method, path, body === undefined ? {} : { body });
    return parse(schema, await response.json(), `${method} ${path}`);
  }

  /** Events of one connection after `lastId`. A long silence ends the connection. */
  async function* connect(location: string, lastId: string | undefined, signal: AbortSignal | undefined) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new Error('the stream fell silent')), SILENCE_MS);
    try {
      const response = await send(
        'GET',
        `${location}/events`,
        {
          headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
          ...(signal === undefined ? {} : { signal }),
        },
        signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
      );
      if (response.body !== null) yield* readServerSentEvents(response.body, () => timer.refresh());
    } finally {
      clearTimeout(timer);
    }
  }

  async function follow(location: string, options: CallOptions): Promise<CallOutcome> {
    let lastId: string | undefined;
    let lastSeen = performance.now();
    for (;;) {
      let reason: unknown;
      try {
        for await (const event of connect(location, lastId, options.signal)) {
          lastSeen = performance.now();
          lastId = event.id ?? lastId;
          const outcome = readEvent(event, options.onEvent);
          if (outcome !== undefined) return outcome;
        }
      } catch (error) {
        if (options.signal?.aborted === true) throw new Cancelled('the call was cancelled', { cause: error });
        if (error instanceof ApiProblem && error.status === 404) throw new RunForgotten(location);
        if (error instanceof AppError && !(error instanceof Unreachable)) throw error;
        reason = error;
      }
      if (performance.now() - lastSeen > RETURN_MS) {
        throw reason instanceof Unreachable ? reason : unreachable(base, reason);
      }
      await sleep(RECONNECT_MS);
    }
  }

  async function run(path: string, body: unknown, options: CallOptions = {}): Promise<CallOutcome> {
    const { wait = 2, skipCache = false, signal } = options;
    for (let attempt = 1; ; attempt++) {
      const response = await request(
        'POST',
        `${path}${skipCache ? '?skipCache' : ''}`,
        { body, headers: { prefer: `wait=${wait}` }, ...(signal === undefined ? {} : { signal }) },
        wait,
      );
      const location = response.headers.get('location');
      if (response.status !== 202 || location === null) {
        return parse(doneSchema, await response.json(), `POST ${path}`);
      }
      await response.body?.cancel();
      try {
        return await follow(location, options);
      } catch (error) {
        if (!(error instanceof RunForgotten)) throw error;
        if (attempt === ATTEMPTS)
          throw new Internal(`the server forgot ${location} ${ATTEMPTS} times`, { cause: error });
      }
    }
  }

  return {
    url: base,
    request: (method, path, options) => request(method, path, options),
    get: (path, schema) => json(schema, 'GET', path),
    post: (path, body, schema) => json(schema, 'POST', path, body),
    put: (path, body, schema) => json(schema, 'PUT', path, body),
    async delete(path) {
      await (await request('DELETE', path)).body?.cancel();
    },
    bytes: async path => new Uint8Array(await (await request('GET', path)).arrayBuffer()),
    run,
    call: (name, body, options) => run(`/functions/${encodeURIComponent(name)}`, body, options),
  };
}

function readEvent(event: ServerSentEvent, onEvent: CallOptions['onEvent']): CallOutcome | undefined {
  const data: unknown = JSON.parse(event.data);
  if (event.event === 'done') return parse(doneSchema, data, 'the event "done"');
  if (event.event === 'failed') throw new ApiProblem(parse(problemSchema, data, 'the event "failed"'));
  if (event.event === 'progress') onEvent?.(parse(progressSchema.loose(), data, 'the event "progress"'));
  return undefined;
}

async function readProblem(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const after = Number.isFinite(retryAfter) ? retryAfter : undefined;
  try {
    return new ApiProblem(problemSchema.parse(JSON.parse(text)), after);
  } catch {
    const detail = `HTTP ${response.status} ${response.statusText}: ${text.slice(0, 300)}`;
    return new ApiProblem({ status: response.status, detail, code: 'unknown', retryable: false }, after);
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Internal(`the answer to ${what} has an unknown form: ${z.prettifyError(parsed.error)}`, {
    hint: 'the command line and the server may have different versions',
  });
}

function unreachable(url: string, error: unknown): Unreachable {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const reason = code ?? (cause instanceof Error ? cause.message : undefined);
  return new Unreachable(`no Easel server answers at ${url}${reason === undefined ? '' : ` (${reason})`}`, {
    hint: 'start a server with `easel up`, or name another with --url or EASEL_URL',
    cause: error,
  });
}
