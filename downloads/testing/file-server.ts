/** @file A server of one file that misbehaves on demand, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

export interface FileServer {
  /** Of the file. */
  readonly url: string;
  readonly asked: Asked[];
  content: Uint8Array;
  etag: string | undefined;
  /** Bytes of an answer after which the connection is cut. Used up by one answer each. */
  cuts: number[];
  /** Resolves when the client has kept that many bytes of the file: a cut takes away what it has not read yet. */
  hasKept: (bytes: number) => Promise<unknown>;
  /** Answers before the file is served, first to last. */
  refusals: { readonly status: number; readonly headers?: Record<string, string> }[];
  hasRanges: boolean;
  /** What a range answer claims to be instead of what it is. */
  contentRange: string | undefined;
  headers: Record<string, string>;
  /** Where requests of the file are sent instead. */
  redirect: string | undefined;
  /** Sends headers and then nothing. */
  isSilent: boolean;
  close(): Promise<void>;
}

export async function serveFile(content: Uint8Array, path = '/model.bin'): Promise<FileServer> {
  const asked: Asked[] = [];
  const server = createServer(answer);
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const state: FileServer = {
    url: `http://127.0.0.1:${port}${path}`,
    asked,
    content,
    etag: '"one"',
    cuts: [],
    hasKept: async () => {},
    refusals: [],
    hasRanges: true,
    contentRange: undefined,
    headers: {},
    redirect: undefined,
    isSilent: false,
    async close() {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { range, authorization } = request.headers;
    const ifRange = request.headers['if-range'];
    const asks = typeof ifRange === 'string' ? ifRange : undefined;
    asked.push({ path: request.url ?? '', range, ifRange: asks, authorization });
    const refusal = state.refusals.shift();
    if (refusal) return void response.writeHead(refusal.status, refusal.headers).end();
    if (state.redirect !== undefined) {
      return void response.writeHead(302, { location: state.redirect, ...state.headers }).end();
    }
    const { content: file, etag } = state;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const isRanged = first !== undefined && state.hasRanges && (asks === undefined || asks === etag);
    const [start, end] = isRanged ? [Number(first), Math.min(Number(last) + 1, file.length)] : [0, file.length];
    response.writeHead(isRanged ? 206 : 200, {
      'content-length': end - start,
      ...(etag !== undefined && { etag }),
      ...(isRanged && { 'content-range': state.contentRange ?? `bytes ${start}-${end - 1}/${file.length}` }),
      ...state.headers,
    });
    if (state.isSilent) return void response.flushHeaders();
    const cut = state.cuts.shift();
    if (cut === undefined || start + cut >= end) return void response.end(file.subarray(start, end));
    response.write(file.subarray(start, start + cut), async () => {
      if (cut > 0) await state.hasKept(start + cut);
      response.destroy();
    });
  }

  return state;
}
