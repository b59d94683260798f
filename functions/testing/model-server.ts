/** @file A server on loopback that speaks as Ollama and as OpenAI-compatible servers do, and misbehaves on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';

/** One answer to a question about a picture. Default: a caption of the picture. */
export interface Misbehaviour {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body, in place of the form of the protocol. */
  readonly raw?: string;
  /** The text of the answer. */
  readonly text?: string;
  /** Probabilities of tokens in the first place, if the question asks for them. Default: a server that tells none. */
  readonly likely?: Readonly<Record<string, number>>;
  /** `done_reason`, `finish_reason`; null: none. */
  readonly finish?: string | null;
  /** `close`: no answer; `cut`: the half of one; `silence`: nothing until the client leaves. */
  readonly wire?: 'close' | 'cut' | 'silence';
}

/** A question as it came. */
export interface Question {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly model: string;
  readonly prompt: string;
  readonly png: Buffer;
  readonly seed: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Key of the limit of tokens. */
  readonly limit: string;
  /** Whether probabilities are asked for. */
  readonly likelihoods?: true;
}

export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  readonly questions: Question[];
  /** Largest number of questions in work at once. */
  readonly busiest: () => number;
  /** The next questions get these answers; `forQuestion` decides when they are used up. */
  readonly script: Misbehaviour[];
  forQuestion: (question: Question) => Misbehaviour;
  /** What Ollama lists. */
  models: { readonly name: string; readonly digest: string; readonly capabilities?: readonly string[] }[];
  /** Milliseconds before each answer. */
  delayMs: number;
}

export const GEMMA_DIGEST = 'a418f5838eaf7fe2cfe0a3046c8384b68ba43a4435542c942f9db00a5f342203';

const ollamaSchema = z.strictObject({
  model: z.string(),
  messages: z.tuple([z.strictObject({ role: z.literal('user'), content: z.string(), images: z.tuple([z.base64()]) })]),
  stream: z.literal(false),
  think: z.literal(false),
  logprobs: z.literal(true).optional(),
  top_logprobs: z.int().max(20).optional(),
  options: z.strictObject({ temperature: z.number(), seed: z.int(), num_predict: z.int() }),
});

const openaiSchema = z.strictObject({
  model: z.string(),
  messages: z.tuple([
    z.strictObject({
      role: z.literal('user'),
      content: z.tuple([
        z.strictObject({ type: z.literal('text'), text: z.string() }),
        z.strictObject({
          type: z.literal('image_url'),
          image_url: z.strictObject({ url: z.string().startsWith('data:image/png;base64,') }),
        }),
      ]),
    }),
  ]),
  temperature: z.number(),
  seed: z.int(),
  max_tokens: z.int().optional(),
  max_completion_tokens: z.int().optional(),
  logprobs: z.literal(true).optional(),
  top_logprobs: z.int().max(20).optional(),
});

export async function startModelServer(port = 0): Promise<ModelServer> {
  const questions: Question[] = [];
  const script: Misbehaviour[] = [];
  let working = 0;
  let busiest = 0;
  const http = createServer((request, response) => {
    void answer(request, response).catch(error => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: String(error) }));
    });
  });
  await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve));
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  const site: ModelServer = {
    url: `http://127.0.0.1:${address.port}`,
    questions,
    script,
    busiest: () => busiest,
    forQuestion: () => ({}),
    models: [{ name: 'gemma3:27b', digest: GEMMA_DIGEST, capabilities: ['completion', 'vision'] }],
    delayMs: 0,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await new Promise(resolve => http.close(resolve));
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: path = '' } = request;
    const text = await readBody(request);
    const send = (value: unknown) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (path === '/api/tags') return send({ models: site.models.map(({ name, digest }) => ({ name, digest })) });
    if (path === '/api/show') {
      const { model } = JSON.parse(text);
      return send({ capabilities: site.models.find(({ name }) => name === model)?.capabilities });
    }
    const question = readQuestion(path, JSON.parse(text), request.headers.authorization);
    questions.push(question);
    const act = script.shift() ?? site.forQuestion(question);
    working++;
    busiest = Math.max(busiest, working);
    if (site.delayMs > 0) await new Promise(resolve => setTimeout(resolve, site.delayMs));
    working--;
    misbehave(response, question, act);
  }

  return site;
}

function misbehave(response: ServerResponse, question: Question, act: Misbehaviour): void {
  if (act.wire === 'silence') return;
  if (act.wire === 'close') return void response.destroy();
  const text = act.text ?? describeBytes(question.png, question.seed);
  const tokens = act.likely && question.likelihoods ? [tellLikely(act.likely)] : undefined;
  const said = act.finish === null ? {} : { reason: act.finish ?? 'stop' };
  const body =
    act.raw ??
    JSON.stringify(
      question.path === '/api/chat'
        ? {
            ...{ model: question.model, message: { role: 'assistant', content: text }, done: true },
            ...{ done_reason: said.reason, logprobs: tokens },
          }
        : {
            choices: [
              {
                ...{ index: 0, message: { role: 'assistant', content: text }, finish_reason: said.reason },
                ...(tokens && { logprobs: { content: tokens } }),
              },
            ],
          },
    );
  response.writeHead(act.status ?? 200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...act.headers,
  });
  if (act.wire !== 'cut') return void response.end(body);
  response.write(body.slice(0, body.length / 2), () => response.destroy());
}

function readQuestion(path: string, body: unknown, authorization: string | undefined): Question {
  if (path === '/api/chat') {
    const { model, messages, options, logprobs } = ollamaSchema.parse(body);
    const [{ content: prompt, images }] = messages;
    const { temperature, seed, num_predict: maxTokens } = options;
    const png = Buffer.from(images[0], 'base64');
    const limits = { maxTokens, limit: 'num_predict', ...(logprobs && { likelihoods: logprobs }) };
    return { path, authorization, model, prompt, png, seed, temperature, ...limits };
  }
  if (path !== '/v1/chat/completions') throw new Error(`there is no ${path}`);
  const {
    model,
    messages,
    temperature,
    seed,
    max_tokens: old,
    max_completion_tokens: fresh,
    logprobs,
  } = openaiSchema.parse(body);
  const [{ content }] = messages;
  const png = Buffer.from(content[1].image_url.url.replace(/^[^,]*,/, ''), 'base64');
  const limit = fresh === undefined ? 'max_tokens' : 'max_completion_tokens';
  const maxTokens = fresh ?? old ?? 0;
  const limits = { maxTokens, limit, ...(logprobs && { likelihoods: logprobs }) };
  return { path, authorization, model, prompt: content[0].text, png, seed, temperature, ...limits };
}

/** The most likely token is the one that was chosen. */
function tellLikely(likely: Readonly<Record<string, number>>) {
  const all = Object.entries(likely).map(([token, share]) => ({ token, logprob: Math.log(share) }));
  const sorted = all.toSorted((a, b) => b.logprob - a.logprob);
  return { ...sorted[0], top_logprobs: sorted };
}

const SUBJECTS = ['woman', 'man', 'girl', 'boy', 'cat', 'dog', 'horse', 'bird'];
const COLOURS = ['red', 'blue', 'green', 'yellow', 'black', 'white', 'grey', 'brown'];

/** A caption of 16 words or so that is decided by the picture and the seed. */
function describeBytes(png: Buffer, seed: number): string {
  const bytes = createHash('sha256').update(png).update(String(seed)).digest();
  const pick = (from: readonly string[], at: number) => from[(bytes[at] ?? 0) % from.length];
  const [subject, ...colours] = [pick(SUBJECTS, 0), ...[1, 2, 3].map(at => pick(COLOURS, at))];
  return `A ${subject} with a ${colours[0]} scarf sits in front of a ${colours[1]} wall beside the ${colours[2]} door number ${bytes.readUInt16LE(4)}.`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
