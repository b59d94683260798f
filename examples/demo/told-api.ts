/** @file The HTTP interface, told: the curl line of every call is printed before it is made, and all are kept as a script. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { z } from 'zod';
import type { ApiClient, CallOptions, CallOutcome } from '../../cli/http.ts';
import type { Terminal } from './terminal.ts';

/** A longer body goes into a file of its own. */
const MAX_SHOWN_BODY = 1200;
/** In the printed lines: long enough for any stage to end, so that one line is one step. */
const PRINTED_WAIT_SECONDS = 900;

export interface ToldApi {
  get<T>(path: string, schema: z.ZodType<T>, note?: string): Promise<T>;
  put<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  /** A POST that may take long; its progress goes to `onEvent`. @param name Of the body's file, should it be long. */
  run(path: string, body: unknown, onEvent?: CallOptions['onEvent'], name?: string): Promise<CallOutcome>;
  /** Bytes of a blob. */
  object(digest: string, note?: string): Promise<Uint8Array>;
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
}

export function createToldApi({ api, terminal, out, signal }: ToldApiOptions): ToldApi {
  const script: string[] = [];

  async function tell(
    method: string,
    path: string,
    given: { body?: unknown; file?: string; note?: string; options?: string[] },
  ) {
    const { options = [], note } = given;
    const words = ['curl -fsS', ...(method === 'GET' ? [] : [`-X ${method}`]), ...options];
    let body: string | undefined;
    if (given.body !== undefined) {
      words.push("-H 'content-type: application/json'");
      body = await writeBody(given.body, given.file);
    }
    const tail = body === undefined ? '' : ` \\\n  -d ${body}`;
    terminal.faint(`$ ${words.join(' ')} ${api.url}${path}${tail}${note === undefined ? '' : `\n  (${note})`}`);
    script.push(`${words.join(' ')} "$URL"${quote(path)}${tail}`);
  }

  async function writeBody(body: unknown, name = 'body'): Promise<string> {
    const json = JSON.stringify(body);
    if (json.length <= MAX_SHOWN_BODY) return quote(json);
    const folder = join(out, 'requests');
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${name}.json`);
    await writeFile(file, `${json}\n`);
    return quote(`@${relative('', file)}`);
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
    async run(path, body, onEvent, file) {
      const options = [`-H 'prefer: wait=${PRINTED_WAIT_SECONDS}'`];
      await tell('POST', path, { body, options, ...(file === undefined ? {} : { file }) });
      return api.run(path, body, { signal, ...(onEvent === undefined ? {} : { onEvent }) });
    },
    async object(digest, note) {
      const path = `/objects/${digest}`;
      await tell('GET', path, { options: [`-o ${digest.slice(7, 19)}`], ...(note === undefined ? {} : { note }) });
      return api.bytes(path);
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

/** One word of a POSIX shell, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
