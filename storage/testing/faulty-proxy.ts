/** @file An HTTP proxy on loopback with the faults of networks. It does not change the Host header, which is signed. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * - `drop request`: the connection ends before anything reaches the store.
 * - `drop response`: the store has executed the request, and the connection ends.
 * - `cut response`: the connection ends in the middle of the body.
 * - `flip request bit`, `flip response bit`: in the last byte of the body.
 * - `delay request`, `delay response`: by a fifth of a second.
 * - `late`: the answer is lost at once, and the request reaches the store a fifth of a second later.
 * - `hang`: no answer ever comes.
 */
export type WireFault =
  | 'drop request'
  | 'drop response'
  | 'cut response'
  | 'flip request bit'
  | 'flip response bit'
  | 'delay request'
  | 'delay response'
  | 'late'
  | 'hang';

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FaultyProxy {
  /** `http://127.0.0.1:PORT`. Use it instead of the store's endpoint. */
  readonly endpoint: string;
  /** Decides what happens to each request; undefined lets it pass. */
  choose: (request: WireRequest) => WireFault | undefined;
  /** Changes the headers on their way to the store, as a proxy may do. */
  rewrite: (headers: Record<string, string | string[] | undefined>) => void;
  /** All requests since the start, in order. */
  readonly requests: readonly WireRequest[];
  /** Applies the fault to the next request of the method; the others pass. */
  next(method: string, fault: WireFault): void;
  /** Refuses connections from now on. */
  goDown(): Promise<void>;
  /** Accepts connections again, at the same port. */
  comeBack(): Promise<void>;
  /** Resolves after late requests have reached the store. */
  close(): Promise<void>;
}

const DELAY_MS = 200;

/** @param upstream The store's endpoint. */
export async function startFaultyProxy(upstream: string): Promise<FaultyProxy> {
  const target = new URL(upstream);
  const requests: WireRequest[] = [];
  const late = new Set<Promise<unknown>>();

  const forward = async (
    incoming: IncomingMessage,
    body: Buffer,
  ): Promise<{ answer: IncomingMessage; body: Buffer }> => {
    const headers = { ...incoming.headers };
    proxy.rewrite(headers);
    const { method, url: path } = incoming;
    const { hostname: host, port } = target;
    const outgoing = request({ host, port, method, path, headers, setHost: false, agent: false });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { answer, body: await readAll(answer) };
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = incoming;
    const seen = { method, url, headers };
    requests.push(seen);
    const fault = proxy.choose(seen);
    const body = await readAll(incoming);
    const drop = () => response.socket?.destroy();

    if (fault === 'hang') return;
    if (fault === 'drop request') return void drop();
    if (fault === 'late') {
      drop();
      const arriving = sleep(DELAY_MS).then(() => forward(incoming, body));
      late.add(arriving.catch(() => {}));
      return;
    }
    if (fault === 'delay request') await sleep(DELAY_MS);
    if (fault === 'flip request bit') flipLastBit(body);
    const answered = await forward(incoming, body);
    if (fault === 'drop response') return void drop();
    if (fault === 'delay response') await sleep(DELAY_MS);
    if (fault === 'flip response bit') flipLastBit(answered.body);
    response.writeHead(answered.answer.statusCode ?? 500, withoutHopByHop(answered.answer.headers));
    if (fault === 'cut response') {
      response.write(answered.body.subarray(0, answered.body.length / 2), drop);
      return;
    }
    response.end(answered.body);
  };

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.socket?.destroy());
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const port = await listen(0);

  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    choose: () => undefined,
    rewrite: () => {},
    requests,
    next(wanted, fault) {
      proxy.choose = ({ method }) => {
        if (method !== wanted) return undefined;
        proxy.choose = () => undefined;
        return fault;
      };
    },
    goDown: stop,
    async comeBack() {
      await listen(port);
    },
    async close() {
      if (server.listening) await stop();
      await Promise.all(late);
    },
  };
  return proxy;
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function flipLastBit(body: Buffer): void {
  const last = body.length - 1;
  if (last >= 0) body.writeUInt8(body.readUInt8(last) ^ 1, last);
}

/** Headers of a single connection (RFC 9110, section 7.6.1). */
function withoutHopByHop({
  connection: _,
  'keep-alive': __,
  'transfer-encoding': ___,
  ...headers
}: IncomingMessage['headers']) {
  return headers;
}
