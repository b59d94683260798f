/**
 * @file A minimal S3 server in memory that breaks the promises of conditional writes as some real stores do
 * (storage/probe.ts).
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, hexOf } from '../digest.ts';

/**
 * - `ignores conditions`: takes the headers and overwrites.
 * - `compares, then writes`: correct for one writer; lets all concurrent writers win.
 * - `creates well`: atomic for If-None-Match, not for If-Match.
 */
export type Lie = 'ignores conditions' | 'compares, then writes' | 'creates well';

/** Time between comparing and writing: long enough for the other writers to arrive, also on a busy machine. */
const WINDOW_MS = 200;
const LAST_MODIFIED = new Date(0).toUTCString();

/** Listens on loopback; `objects` holds the stored objects by key. */
export async function startLyingS3(lie: Lie) {
  const objects = new Map<string, Buffer>();
  const etagOf = (body: Buffer) => `"${hexOf(digestOf(body))}"`;

  async function put(key: string, body: Buffer, headers: NodeJS.Dict<string | string[]>, response: ServerResponse) {
    const stored = objects.get(key);
    const { 'if-none-match': create, 'if-match': replace } = headers;
    const rejected = (create && stored) || (replace && (!stored || etagOf(stored) !== replace));
    if (rejected && lie !== 'ignores conditions') return refuse(response, 412, 'PreconditionFailed');
    if (lie === 'compares, then writes' || (lie === 'creates well' && replace)) await sleep(WINDOW_MS);
    objects.set(key, body);
    response.writeHead(200, { etag: etagOf(body) }).end();
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host');
    const body = Buffer.concat(await request.toArray());
    const key = pathname.split('/').slice(2).join('/');
    const stored = objects.get(key);
    if (request.method === 'PUT') return put(key, body, request.headers, response);
    if (request.method === 'DELETE') {
      objects.delete(key);
      return void response.writeHead(204).end();
    }
    if (searchParams.has('list-type')) return list(searchParams.get('prefix') ?? '', response);
    if (!stored) return refuse(response, 404, 'NoSuchKey');
    const headers = { etag: etagOf(stored), 'last-modified': LAST_MODIFIED, 'content-length': stored.length };
    response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : stored);
  });

  function list(prefix: string, response: ServerResponse): void {
    const entries = [...objects].filter(([key]) => key.startsWith(prefix)).sort();
    const contents = entries.map(
      ([key, body]) =>
        `<Contents><Key>${key}</Key><ETag>${etagOf(body)}</ETag><Size>${body.length}</Size>` +
        '<LastModified>1970-01-01T00:00:00.000Z</LastModified></Contents>',
    );
    const xml = `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`;
    response.writeHead(200, { 'content-type': 'application/xml' }).end(xml);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
}
