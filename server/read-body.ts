/** @file Request bodies: bounded, of the right media type, checked against a schema. */
import type { Context } from 'hono';
import type { z } from 'zod';
import { restoreSeeds } from '../configs/seed.ts';
import { Cancelled, InvalidInput, PayloadTooLarge, UnsupportedMediaType } from '../errors.ts';
import { checkBody } from '../functions/execution/check-body.ts';
import { type Json, jsonDepth } from '../storage/canonical.ts';

export const MAX_JSON_BYTES = 1024 * 1024;
const MAX_JSON_DEPTH = 64;
export const MAX_BLOB_BYTES = 1024 ** 3;

/**
 * The JSON of a body; `{}` if the body is empty.
 * @param limit Bytes; default: 1 MiB.
 * @throws UnsupportedMediaType if the body is not declared as JSON, PayloadTooLarge above the limit, InvalidInput if it
 * does not parse.
 */
export async function readJson(c: Context, limit = MAX_JSON_BYTES): Promise<Json> {
  const type = mediaTypeOf(c);
  if (type !== undefined && type !== 'application/json') throw wrongType(type);
  const text = decodeBody(await readBytes(c, limit, 'a JSON body'));
  if (text.trim() === '') return {};
  if (type === undefined) throw wrongType(undefined);
  try {
    const value: Json = JSON.parse(text);
    // Deep nesting would overflow the stack of recursive readers.
    if (jsonDepth(value) > MAX_JSON_DEPTH) {
      throw new InvalidInput('the body is nested too deeply', { expected: `at most ${MAX_JSON_DEPTH} levels` });
    }
    if (HALF_CHARACTER.test(text) && !isWellFormed(value)) {
      throw new InvalidInput('the body has a text with half a character', { expected: 'whole characters' });
    }
    return restoreSeeds(value, text) as Json;
  } catch (cause) {
    if (cause instanceof InvalidInput) throw cause;
    throw new InvalidInput(`the body is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      expected: 'a JSON object',
      cause,
    });
  }
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a body, without the mark that some editors put in front. @throws InvalidInput */
function decodeBody(bytes: Uint8Array, format = 'JSON'): string {
  try {
    return UTF_8.decode(bytes);
  } catch (cause) {
    throw new InvalidInput('the body is no text in UTF-8', { expected: `${format} in UTF-8`, cause });
  }
}

/** An escape of half a pair of UTF-16, such as \ud83d. */
const HALF_CHARACTER = /\\u[dD][89a-fA-F]/;

/** @param value Is not nested too deeply. */
function isWellFormed(value: Json | undefined): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, each]) => key.isWellFormed() && isWellFormed(each));
}

/** Reads a body as {@link readJson} and checks it against a schema. Unknown keys are errors. */
export async function readJsonAs<S extends z.ZodType>(c: Context, schema: S, limit?: number): Promise<z.output<S>> {
  return checkBody(schema, await readJson(c, limit), 'the body');
}

/** Media types of YAML: RFC 9512, and those from before it. No browser sends one across origins without asking. */
const YAML_TYPES: ReadonlySet<string | undefined> = new Set([
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
  'text/x-yaml',
]);

export function isYaml(type: string | undefined): boolean {
  return YAML_TYPES.has(type);
}

/** The text of a body in YAML. @throws PayloadTooLarge above 1 MiB, InvalidInput if it is not in UTF-8. */
export async function readYamlText(c: Context): Promise<string> {
  return decodeBody(await readBytes(c, MAX_JSON_BYTES, 'a YAML body'), 'YAML');
}

/**
 * The body, piece by piece as it arrives.
 * @throws PayloadTooLarge as soon as more than `limit` bytes are announced or have arrived, Cancelled if the client
 * goes away.
 */
export async function* streamBody(c: Context, limit: number, what: string): AsyncGenerator<Uint8Array> {
  checkAnnounced(c, limit, what);
  let size = 0;
  try {
    for await (const piece of c.req.raw.body ?? []) {
      size += piece.byteLength;
      if (size > limit) throw tooLarge(size, limit, what);
      yield piece;
    }
  } catch (error) {
    throw error instanceof PayloadTooLarge ? error : brokenOff(error);
  }
}

async function readBytes(c: Context, limit: number, what: string): Promise<Buffer> {
  // Node accepts no more bytes than were announced, and passes them on at once.
  if (checkAnnounced(c, limit, what) > 0) {
    const whole = await c.req.arrayBuffer().catch(cause => Promise.reject(brokenOff(cause)));
    return Buffer.from(whole);
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of streamBody(c, limit, what)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function checkAnnounced(c: Context, limit: number, what: string): number {
  const announced = Number(c.req.header('content-length') ?? 0) || 0;
  if (announced > limit) throw tooLarge(announced, limit, what);
  return announced;
}

/** The media type without parameters, in lower case; undefined without a header. */
export function mediaTypeOf(c: Context): string | undefined {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
}

function wrongType(type: string | undefined): UnsupportedMediaType {
  return new UnsupportedMediaType(
    type === undefined ? 'the body has no media type' : `the body is declared as ${type}`,
    {
      expected: 'application/json',
      hint: "send it with -H 'content-type: application/json'",
    },
  );
}

function brokenOff(cause: unknown): Cancelled {
  return new Cancelled('the connection broke off within the body', { cause, hint: 'send the request again' });
}

function tooLarge(size: number, limit: number, what: string): PayloadTooLarge {
  return new PayloadTooLarge(`${size} bytes or more are too many for ${what}`, {
    expected: `at most ${limit} bytes`,
    hint: 'put large data into the store with POST /objects and send its digest',
  });
}
