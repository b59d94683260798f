/**
 * @file A client of the HTTP interface that prints the curl line of every call before it makes it, and keeps all as a
 * script.
 */
import { createHash } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { ApiClient, CallOptions, CallOutcome } from '../../cli/http.ts';
import { quoteWord } from '../../cli/shell.ts';
import { makeFolders } from '../../configs/make-folders.ts';
import { showPath, type Terminal } from './terminal.ts';

/** A longer body goes into a file of its own. */
const MAX_SHOWN_BODY = 1200;
/** In the printed lines: long enough for any stage to end, so that one line is one step. */
const PRINTED_WAIT_SECONDS = 900;

export interface ToldApi {
  get<T>(path: string, schema: z.ZodType<T>, note?: string): Promise<T>;
  put<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  /** A POST that may take long; its progress goes to `onEvent`. @param name Of the body's file, should it be long. */
  run(path: string, body: unknown, onEvent?: CallOptions['onEvent'], name?: string): Promise<CallOutcome>;
  /** Bytes of a blob. @param name Of the file that the curl line writes. */
  object(digest: string, name: string, note?: string): Promise<Uint8Array>;
  /** Stores bytes as a blob. @param name Of the file that the curl line reads. @returns Their digest. */
  store(bytes: Uint8Array, name: string, mediaType: string): Promise<string>;
  /** The same API without words, for calls that are repeated again and again. */
  readonly untold: ApiClient;
  /** Writes the script of all calls so far; returns its path. */
  writeScript(): Promise<string>;
}

export interface ToldApiOptions {
  readonly api: ApiClient;
  readonly terminal: Terminal;
  readonly out: string;
  readonly signal: AbortSignal;
  /** The server wants the token in EASEL_TOKEN. */
  readonly authorized: boolean;
}

interface ToldCall {
  readonly body?: unknown;
  /** Of the body's file, when it needs one. */
  readonly name?: string;
  readonly headers?: readonly string[];
  /** Where the answer goes. */
  readonly file?: string;
  readonly note?: string;
  /** The file whose bytes are the body. */
  readonly upload?: string;
}

export function createToldApi({ api, terminal, out, signal, authorized }: ToldApiOptions): ToldApi {
  const script: string[] = [];

  async function tell(method: string, path: string, call: ToldCall = {}): Promise<void> {
    const verb = method === 'GET' ? '' : ` -X ${method}`;
    const start = `curl -fsS${verb}${call.file === undefined ? '' : ` -o ${quoteWord(call.file)}`}`;
    const headers = [
      ...(call.body === undefined ? [] : ["-H 'content-type: application/json'"]),
      ...(call.headers ?? []).map(line => `-H ${quoteWord(line)}`),
      ...(authorized ? ['-H "authorization: Bearer $EASEL_TOKEN"'] : []),
    ].join(' ');
    const upload = call.upload === undefined ? '' : `--data-binary ${quoteWord(`@${call.upload}`)}`;
    const data = call.body === undefined ? upload : `-d ${await writeBody(call.body, call.name)}`;
    const tail = [headers, data].flatMap(words => (words === '' ? [] : [` \\\n    ${words}`])).join('');
    const note = call.note === undefined ? '' : `\n    (${call.note})`;
    terminal.faint(`$ ${start} ${quoteWord(api.url + path)}${tail}${note}`);
    script.push(`${start} "$URL"${quoteWord(path)}${tail}`);
  }

  async function writeBody(body: unknown, name = 'body'): Promise<string> {
    const json = JSON.stringify(body);
    if (json.length <= MAX_SHOWN_BODY) return quoteWord(json);
    const folder = join(out, 'requests');
    await makeFolders(folder);
    const file = join(folder, `${name}.json`);
    await writeFile(file, `${json}\n`);
    return quoteWord(`@${showPath(file)}`);
  }

  return {
    untold: api,
    async get(path, schema, note) {
      await tell('GET', path, note === undefined ? {} : { note });
      return api.get(path, schema);
    },
    async put(path, body, schema) {
      await tell('PUT', path, { body });
      return api.put(path, body, schema);
    },
    async run(path, body, onEvent, name) {
      const headers = [`prefer: wait=${PRINTED_WAIT_SECONDS}`];
      await tell('POST', path, { body, headers, ...(name === undefined ? {} : { name }) });
      return api.run(path, body, { signal, ...(onEvent === undefined ? {} : { onEvent }) });
    },
    async object(digest, name, note) {
      const path = `/objects/${digest}`;
      await tell('GET', path, { file: showPath(join(out, name)), ...(note === undefined ? {} : { note }) });
      return api.bytes(path);
    },
    async store(bytes, name, mediaType) {
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const folder = join(out, 'requests');
      await makeFolders(folder);
      const path = join(folder, name);
      await writeFile(path, bytes);
      await tell('PUT', `/objects/${digest}`, { headers: [`content-type: ${mediaType}`], upload: showPath(path) });
      await api.upload(digest, bytes, mediaType);
      return digest;
    },
    async writeScript() {
      const path = join(out, 'calls.sh');
      const head = [
        '#!/usr/bin/env bash',
        '# The calls of the demo, in their order. Start a server first: npm run easel -- up',
        'set -euo pipefail',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
        'URL="${EASEL_URL:-http://127.0.0.1:8787}"',
      ];
      await writeFile(path, `${[...head, ...script].join('\n')}\n`);
      await chmod(path, 0o755);
      return path;
    },
  };
}
