/** @file How a picture is put to a server of models, and how its answer reads: Ollama, and chat completions. */
import { z } from 'zod';
import type { CaptionSource, DescribeRequest, Description } from '../define.ts';

export interface Protocol {
  /** Path below the address of the server. */
  readonly path: string;
  body(request: DescribeRequest): object;
  /** Other forms of the body, for servers that refuse the usual one with such a message. They add up. */
  readonly forms?: readonly {
    readonly refusal: RegExp;
    change(body: object, request: DescribeRequest): object;
  }[];
  /** Undefined for JSON of another form. */
  read(answer: unknown): Description | undefined;
}

const likelySchema = z.looseObject({ token: z.string(), logprob: z.number() });
const tokensSchema = z.array(likelySchema.extend({ top_logprobs: z.array(likelySchema).nullish() }));

const ollamaSchema = z.looseObject({
  message: z.looseObject({ content: z.string() }),
  done_reason: z.string().optional(),
  logprobs: tokensSchema.nullish(),
});

const openaiSchema = z.looseObject({
  choices: z.tuple(
    [
      z.looseObject({
        message: z.looseObject({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
        logprobs: z.looseObject({ content: tokensSchema.nullish() }).nullish(),
      }),
    ],
    z.unknown(),
  ),
});

export const PROTOCOLS: Readonly<Record<CaptionSource, Protocol>> = {
  ollama: {
    path: '/api/chat',
    body: ({ model, prompt, png, temperature, seed, maxTokens, likelihoods }) => ({
      model,
      messages: [{ role: 'user', content: prompt, images: [toBase64(png)] }],
      stream: false,
      // A model that can think aloud would spend its tokens on that; others ignore the key.
      think: false,
      options: { temperature, seed, num_predict: maxTokens },
      // Before 0.12.11, Ollama ignores these.
      ...(likelihoods && LIKELIHOODS),
    }),
    read(answer) {
      const { data } = ollamaSchema.safeParse(answer);
      if (data === undefined) return undefined;
      return { text: data.message.content, finish: finishOf(data.done_reason), ...firstOf(data.logprobs) };
    },
  },
  openai: {
    path: '/chat/completions',
    body: ({ model, prompt, png, temperature, seed, maxTokens, likelihoods }) => ({
      model,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: prompt },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${toBase64(png)}` } },
          ],
        },
      ],
      temperature,
      seed,
      max_tokens: maxTokens,
      ...(likelihoods && LIKELIHOODS),
    }),
    forms: [
      {
        // OpenAI's newer models want another name for the limit.
        refusal: /max_completion_tokens/,
        change: (body, { maxTokens }) => ({ ...body, max_tokens: undefined, max_completion_tokens: maxTokens }),
      },
      {
        // Some models, and some servers, tell no probabilities.
        refusal: /logprobs/,
        change: body => ({ ...body, logprobs: undefined, top_logprobs: undefined }),
      },
    ],
    read(answer) {
      const { data } = openaiSchema.safeParse(answer);
      if (data === undefined) return undefined;
      const [{ message, finish_reason: reason, logprobs }] = data.choices;
      const isRefused = typeof message.refusal === 'string' && message.refusal !== '';
      const finish = isRefused ? 'filter' : finishOf(reason ?? undefined);
      return { text: message.content ?? '', finish, ...firstOf(logprobs?.content) };
    },
  },
};

/** 20 are the most that OpenAI tells. */
const LIKELIHOODS = { logprobs: true, top_logprobs: 20 } as const;

/** The first token that was chosen, and those that were likely in its place. */
function firstOf(tokens: z.output<typeof tokensSchema> | null | undefined): Pick<Description, 'firstTokens'> {
  const [first] = tokens ?? [];
  if (first === undefined) return {};
  const all = new Map([first, ...(first.top_logprobs ?? [])].map(({ token, logprob }) => [token, logprob]));
  return { firstTokens: [...all].map(([token, logprob]) => ({ token, logprob })) };
}

function finishOf(reason: string | undefined): Description['finish'] {
  if (reason === 'stop' || reason === 'length') return reason;
  return reason === 'content_filter' ? 'filter' : 'unknown';
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** `GET /api/tags` of Ollama: the models that it has. */
export const tagsSchema = z.looseObject({
  models: z.array(z.looseObject({ name: z.string(), digest: z.string().optional() })),
});

/** `POST /api/show` of Ollama. Old versions do not tell the capabilities. */
export const showSchema = z.looseObject({ capabilities: z.array(z.string()).optional() });
