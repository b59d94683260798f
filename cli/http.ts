/** @file A client of the HTTP API. Problem documents become errors. It follows runs to their end and prints nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ProgressEvent, progressSchema } from '../configs/progress.ts';
import { tryJson } from '../configs/try-json.ts';
import { AppError, Cancelled, Internal } from '../errors.ts';
import { rebuildError } from '../errors-wire.ts';
import { readProblem } from '../formats/problem.ts';
import { readServerSentEvents, type ServerSentEvent } from '../formats/server-sent-events.ts';

/** Time until an unanswered request is given up, beyond the wait that was asked for. */
const ANSWER_MS = 30_000;
/** Bytes per second of a slow network, for the time that an upload may take. */
const SLOW_UPLOAD = 100_000;
/** Time to wait for a server that restarts. */
const RETURN_MS = 30_000;
const RECONNECT_MS = 250;
/** Longer than two missed keep-alive comments. */
const SILENCE_MS = 45_000;
/** Attempts at a call whose run the server has forgotten. Calls are idempotent. */
const ATTEMPTS = 5;

export type JsonValue = z.infer<ReturnType<typeof z.json>>;

/** No server answers at the address. */
export class NoServer extends AppError {
  readonly code = 'unreachable';
  readonly status = 503;
  override readonly retryable = true;
}

export interface CallOptions {
  readonly onEvent?: (event: ProgressEvent) => void;
  /** Seconds that the server may wait for the result before it answers (RFC 7240 `wait`); default 2. */
  readonly wait?: number;
  readonly skipCache?: boolean;
  /** Leaves the run alone, which goes on. */
  readonly signal?: AbortSignal;
  /** Stops the run, for all its callers; its reason is thrown. */
  readonly stop?: AbortSignal;
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
  /** Sent as JSON; bytes as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ApiClient {
  /** Address of the server, without a slash at the end. */
  readonly url: string;
  /** Makes any call. @throws the error that the server answered, NoServer */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>;
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  put<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  /** Stores a blob under its digest. Tries it twice, since a connection may be closed. */
  upload(digest: string, bytes: Uint8Array, mediaType: string): Promise<void>;
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

/** For `catch` of a call: undefined if the server has no such thing. An answer to HEAD says so by its status alone. */
export function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

/** Whether the store of the server has an object. @param digest `sha256:HEX` */
export async function isStored(api: Pick<ApiClient, 'request'>, digest: string): Promise<boolean> {
  return (await api.request('HEAD', `/objects/${digest}`).catch(unlessMissing)) !== undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof AppError && error.status === 404;
}

export function createApiClient(url: string, token?: string): ApiClient {
  const base = url.replace(/\/+$/, '');

  async function send(method: string, path: string, options: RequestOptions, signal: AbortSignal): Promise<Response> {
    const { body } = options;
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body) }),
      signal,
    }).catch((error: unknown) => {
      throw options.signal?.aborted === true ? new Cancelled('the call was cancelled') : noServer(base, error);
    });
    if (response.ok) return response;
    throw await readError(response);
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

  /** @throws the reason of the signal */
  async function stopRun(location: string, { reason }: AbortSignal): Promise<never> {
    const response = await request('DELETE', location);
    await response.body?.cancel();
    throw reason;
  }

  async function follow(location: string, options: CallOptions): Promise<CallOutcome> {
    const { signal, stop } = options;
    const left = signal && stop ? AbortSignal.any([signal, stop]) : (signal ?? stop);
    let lastId: string | undefined;
    let lastSeen = performance.now();
    for (;;) {
      let reason: unknown;
      try {
        for await (const event of connect(location, lastId, left)) {
          lastSeen = performance.now();
          lastId = event.id ?? lastId;
          const outcome = readEvent(event, options.onEvent);
          if (outcome !== undefined) return outcome;
        }
      } catch (error) {
        if (stop?.aborted === true) return stopRun(location, stop);
        if (signal?.aborted === true) throw new Cancelled('the call was cancelled', { cause: error });
        if (isMissing(error)) throw new RunForgotten(location);
        if (error instanceof AppError && !(error instanceof NoServer)) throw error;
        reason = error;
      }
      if (performance.now() - lastSeen > RETURN_MS) {
        throw reason instanceof NoServer ? reason : noServer(base, reason);
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
    async upload(digest, bytes, mediaType) {
      const options = { body: bytes, headers: { 'content-type': mediaType } };
      const put = () => request('PUT', `/objects/${digest}`, options, Math.ceil(bytes.length / SLOW_UPLOAD));
      // While this process unpacked a file, the server may have closed the connection that the first request takes.
      const response = await put().catch((error: unknown) => {
        if (!(error instanceof NoServer)) throw error;
        return put();
      });
      await response.body?.cancel();
    },
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
  if (event.event === 'failed') throw readFailure(data);
  if (event.event === 'progress') onEvent?.(parse(progressSchema.loose(), data, 'the event "progress"'));
  return undefined;
}

function readFailure(data: unknown): AppError {
  const error = readProblem(data);
  return error === undefined ? unknownForm('the event "failed"', 'no problem document') : rebuildError(error);
}

async function readError(response: Response): Promise<AppError> {
  const text = await response.text();
  const error = readProblem(tryJson(text), response.headers.get('retry-after'));
  if (error !== undefined) return rebuildError(error);
  const message = `HTTP ${response.status} ${response.statusText}: ${text.slice(0, 300)}`;
  return rebuildError({ code: 'unknown', status: response.status, message, retryable: false });
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unknownForm(what, z.prettifyError(parsed.error));
}

function unknownForm(what: string, reason: string): Internal {
  return new Internal(`the answer to ${what} has an unknown form: ${reason}`, {
    hint: 'the command line and the server may have different versions',
  });
}

function noServer(url: string, error: unknown): NoServer {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const reason = code ?? (cause instanceof Error ? cause.message : undefined);
  return new NoServer(`no Easel server answers at ${url}${reason === undefined ? '' : ` (${reason})`}`, {
    hint: 'start a server with `easel up`, or name another with --url or EASEL_URL',
    cause: error,
  });
}
