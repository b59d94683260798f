/** @file The servers of models that the environment names. No call can name another. */
import { z } from 'zod';
import { parseVariables, type Variables } from '../../configs/parse-variables.ts';
import type { CaptionSource } from '../define.ts';

export interface CaptionServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Sent as bearer token; never shown. */
  readonly key?: string | undefined;
  /** Model of calls that name none. */
  readonly model?: string | undefined;
}

export interface CaptionServers {
  readonly servers: Readonly<Partial<Record<CaptionSource, CaptionServer>>>;
  /** Questions asked at the same time. */
  readonly concurrency: number;
  /** Milliseconds until an unanswered question is given up. */
  readonly deadlineMs: number;
}

const OLLAMA_PORT = '11434';
/** A bearer token is one word. */
const keySchema = z.string().regex(/^[\x21-\x7e]+$/, 'expected a key without spaces');

const addressSchema = z
  .string()
  .refine(address => readAddress(address) !== undefined, {
    error: 'expected an address such as http://127.0.0.1:11434, without user and password',
  })
  .transform(address => readAddress(address) ?? '');

const envSchema = z.object({
  EASEL_OLLAMA: addressSchema.optional(),
  /** Ollama's own variable: `host`, `host:port`, or an address. */
  OLLAMA_HOST: z.string().transform(readOllamaHost).optional(),
  EASEL_OLLAMA_KEY: keySchema.optional(),
  EASEL_OLLAMA_MODEL: z.string().default('gemma3:27b'),
  EASEL_OPENAI: addressSchema.optional(),
  EASEL_OPENAI_KEY: keySchema.optional(),
  EASEL_OPENAI_MODEL: z.string().optional(),
  EASEL_CAPTION_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(2),
  EASEL_CAPTION_SECONDS: z.coerce.number().min(1).max(3600).default(300),
});

/** @throws InvalidInput naming each variable that is wrong. */
export function parseCaptionServers(env: Variables): CaptionServers {
  const vars = parseVariables(envSchema, env);
  return {
    servers: {
      ollama: {
        url: vars.EASEL_OLLAMA ?? vars.OLLAMA_HOST ?? `http://127.0.0.1:${OLLAMA_PORT}`,
        key: vars.EASEL_OLLAMA_KEY,
        model: vars.EASEL_OLLAMA_MODEL,
      },
      ...(vars.EASEL_OPENAI !== undefined && {
        openai: { url: vars.EASEL_OPENAI, key: vars.EASEL_OPENAI_KEY, model: vars.EASEL_OPENAI_MODEL },
      }),
    },
    concurrency: vars.EASEL_CAPTION_CONCURRENCY,
    deadlineMs: vars.EASEL_CAPTION_SECONDS * 1000,
  };
}

function readAddress(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const { username, password, search, hash, href } = new URL(text);
  return username || password || search || hash ? undefined : href.replace(/\/+$/, '');
}

/** As Ollama's own client reads it. A server that listens everywhere is asked on loopback. */
function readOllamaHost(text: string): string | undefined {
  const given = text.trim();
  const hasScheme = /^https?:\/\//i.test(given);
  const full = hasScheme ? given : `http://${given.startsWith(':') ? '127.0.0.1' : ''}${given}`;
  if (!URL.canParse(full)) return undefined;
  const url = new URL(full);
  if (!hasScheme && url.port === '') url.port = OLLAMA_PORT;
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1';
  return readAddress(url.href);
}
