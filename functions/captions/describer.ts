/** @file Asks the models of the servers that the environment names, again and again while a server is in trouble. */
import PQueue from 'p-queue';
import { quantity } from '../../configs/quantity.ts';
import { Busy, Unprocessable } from '../../errors.ts';
import type { RetryTiming } from '../../storage/backoff.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import type { CaptionSource, DescribeRequest, Describer, Description } from '../define.ts';
import { AskFailure, askServer, readRetryAfter } from './ask-server.ts';
import type { CaptionServer, CaptionServers } from './caption-servers.ts';
import { checkModel } from './check-model.ts';
import { PROTOCOLS } from './protocols.ts';

/** Tries without an answer, before the call fails. A slow answer takes minutes each time. */
const TRIES = { refused: 6, troubled: 6, slow: 3 } as const;
const BASE_MS = 1000;
const LONGEST_MS = 60_000;
/** A server that asks for a longer wait has run out of a quota. */
const LONGEST_RETRY_AFTER_MS = 10 * 60_000;
/** Time in which a model that was there is taken to be there. */
const CHECKED_MS = 10 * 60_000;

/** @param timing Clock and chance of the waits between tries; deadlines are real time. */
export function createDescriber(
  { servers, concurrency, deadlineMs }: CaptionServers,
  { clock = SYSTEM_CLOCK, random = Math.random }: RetryTiming = {},
): Describer {
  const queue = new PQueue({ concurrency });
  /** By source and model: the digest that the server told, and when. */
  const checked = new Map<string, { readonly at: number; readonly digest: string | undefined }>();

  /** By source and model: forms of a question that take the place of the usual ones, since those were refused. */
  const forms = new Map<string, ReadonlySet<number>>();

  function serverOf(source: CaptionSource): CaptionServer {
    const server = servers[source];
    if (server) return server;
    throw new Unprocessable(`the server does not know where to reach the source ${source}`, {
      expected: 'EASEL_OPENAI, the address of an OpenAI-compatible server, such as https://127.0.0.1:8000/v1',
      hint: 'set EASEL_OPENAI, and EASEL_OPENAI_KEY if the server wants a key, and start Easel again',
    });
  }

  async function digestOfModel(request: DescribeRequest, server: CaptionServer, signal: AbortSignal) {
    if (request.source !== 'ollama') return undefined;
    const key = JSON.stringify([request.source, request.model, request.modelDigest]);
    const known = checked.get(key);
    if (known !== undefined && clock.monotonic() - known.at < CHECKED_MS) return known.digest;
    const digest = await checkModel(server, request, signal);
    checked.set(key, { at: clock.monotonic(), digest });
    return digest;
  }

  async function ask(request: DescribeRequest, server: CaptionServer, signal: AbortSignal): Promise<Description> {
    const modelDigest = await digestOfModel(request, server, signal);
    const protocol = PROTOCOLS[request.source];
    const answer = await askInForm(request, server, signal);
    const description = protocol.read(answer);
    if (description === undefined) throw new AskFailure('troubled', 'the answer is JSON of another form');
    return { ...description, modelDigest };
  }

  /** Asks again, in another form, as long as a refusal says that one may help. @throws AskFailure */
  async function askInForm(request: DescribeRequest, server: CaptionServer, signal: AbortSignal): Promise<unknown> {
    const { path, forms: others = [], ...protocol } = PROTOCOLS[request.source];
    const key = JSON.stringify([request.source, request.model]);
    for (;;) {
      const taken = forms.get(key) ?? new Set<number>();
      const usual = protocol.body(request);
      const body = others.reduce((form, { change }, i) => (taken.has(i) ? change(form, request) : form), usual);
      try {
        return await askServer(server, { path, body, deadlineMs, signal });
      } catch (error) {
        if (!(error instanceof AskFailure) || error.kind !== 'rejected') throw error;
        const next = others.findIndex(({ refusal }, i) => !taken.has(i) && refusal.test(error.message));
        if (next < 0) throw error;
        forms.set(key, new Set([...(forms.get(key) ?? []), next]));
      }
    }
  }

  /** Sources that have answered: a server that is away for a moment is waited for, one that never was is not. */
  const answered = new Set<CaptionSource>();

  /** Sources that gave no answer last: of many questions that wait, one says so. */
  const troubled = new Set<CaptionSource>();

  async function describe(
    request: DescribeRequest,
    signal: AbortSignal,
    tell: (line: string) => void,
  ): Promise<Description> {
    const { source } = request;
    const server = serverOf(source);
    for (let attempt = 1; ; attempt++) {
      try {
        const description = await ask(request, server, signal);
        answered.add(source);
        if (troubled.delete(source)) tell(`${source} at ${server.url} answers again`);
        return description;
      } catch (error) {
        if (!(error instanceof AskFailure)) throw error;
        if (error.kind === 'rejected') throw explainRejection(error, request, server);
        const afterMs = readRetryAfter(error.retryAfter, clock.now()) ?? 0;
        const isAway = error.kind === 'refused' && !answered.has(source);
        if (isAway || attempt >= TRIES[error.kind] || afterMs > LONGEST_RETRY_AFTER_MS)
          throw explainTrouble(error, request, server, attempt, afterMs);
        const backoff = random() * Math.min(LONGEST_MS, BASE_MS * 2 ** attempt);
        if (!troubled.has(source)) tell(`${source} at ${server.url} gives no answer (${error.message}): asking again`);
        troubled.add(source);
        // Jitter also on top of the time that the server names: it names the same to all.
        await clock.sleep(afterMs + backoff, signal);
      }
    }
  }

  const models = Object.entries(servers).flatMap(([source, { model }]) => (model ? [[source, model]] : []));
  return {
    concurrency,
    models: Object.fromEntries(models),
    async describe(request, signal, tell = () => {}) {
      try {
        return await queue.add(() => describe(request, signal, tell), { signal });
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
  };
}

function explainTrouble(
  error: AskFailure,
  request: DescribeRequest,
  { url }: CaptionServer,
  tries: number,
  afterMs: number,
): Busy {
  const { source, model } = request;
  const asked = tries > 1 ? ` (asked ${quantity(tries, 'time')})` : '';
  const start =
    source === 'ollama'
      ? `start Ollama with \`ollama serve\` and get the model with \`ollama pull ${model}\`; EASEL_OLLAMA names another address`
      : 'start the server, or name another with EASEL_OPENAI';
  const hint = {
    refused: start,
    slow: 'a smaller model is faster; EASEL_CAPTION_SECONDS sets the longest wait for an answer',
    troubled: 'look into the log of that server',
    rejected: '',
  }[error.kind];
  return new Busy(`${source} at ${url} gives no answer: ${error.message}${asked}`, {
    expected: `a server with the model ${model}`,
    hint: `${hint}. The same call goes on from the captions that are there`,
    ...(afterMs > 0 && { retryAfterSeconds: Math.ceil(afterMs / 1000) }),
  });
}

function explainRejection(error: AskFailure, request: DescribeRequest, { url }: CaptionServer): Unprocessable {
  const { source, model } = request;
  const isDenied = error.status === 401 || error.status === 403;
  const missing = source === 'ollama' ? `get the model with \`ollama pull ${model}\`` : 'name a model that it has';
  return new Unprocessable(`${source} at ${url} refuses the question: ${error.message}`, {
    expected: `a server that lets the model ${model} describe a picture`,
    hint: isDenied
      ? `set EASEL_${source.toUpperCase()}_KEY to a key of that server and start Easel again`
      : error.status === 404
        ? missing
        : 'a model that sees pictures is needed',
  });
}
