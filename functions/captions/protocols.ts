/** @file How a picture is put to a server of models, and how its answer reads: Ollama, and chat completions. */
import { z } from 'zod';
import type { CaptionSource, DescribeRequest, Description } from '../define.ts';

export interface Protocol {
  /** Path below the address of the server. */
  readonly path: string;
  body(request: DescribeRequest): object;
  /** The body for a server that refuses the first form with this message; undefined if there is no other form. */
  otherBody?(request: DescribeRequest, refusal: string): object | undefined;
  /** Undefined for JSON of another form. */
  read(answer: unknown): Description | undefined;
}

const ollamaSchema = z.looseObject({
  message: z.looseObject({ content: z.string() }),
  done_reason: z.string().optional(),
});

const openaiSchema = z.looseObject({
  choices: z.tuple(
    [
      z.looseObject({
        message: z.looseObject({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    ],
    z.unknown(),
  ),
});

export const PROTOCOLS: Readonly<Record<CaptionSource, Protocol>> = {
  ollama: {
    path: '/api/chat',
    body: ({ model, prompt, png, temperature, seed, maxTokens }) => ({
      model,
      messages: [{ role: 'user', content: prompt, images: [toBase64(png)] }],
      stream: false,
      // A model that can think aloud would spend its tokens on that; others ignore the key.
      think: false,
      options: { temperature, seed, num_predict: maxTokens },
    }),
    read(answer) {
      const { data } = ollamaSchema.safeParse(answer);
      return data && { text: data.message.content, finish: finishOf(data.done_reason) };
    },
  },
  openai: {
    path: '/chat/completions',
    body: ({ model, prompt, png, temperature, seed, maxTokens }) => ({
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
    }),
    // OpenAI's newer models want another name for the limit.
    otherBody(request, refusal) {
      if (!refusal.includes('max_completion_tokens')) return undefined;
      return { ...this.body(request), max_tokens: undefined, max_completion_tokens: request.maxTokens };
    },
    read(answer) {
      const { data } = openaiSchema.safeParse(answer);
      if (data === undefined) return undefined;
      const [{ message, finish_reason: reason }] = data.choices;
      const isRefused = typeof message.refusal === 'string' && message.refusal !== '';
      return { text: message.content ?? '', finish: isRefused ? 'filter' : finishOf(reason ?? undefined) };
    },
  },
};

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
