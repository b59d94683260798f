import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttpServer, type HttpLimits } from './http-server.ts';

let server: Server | undefined;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.closeAllConnections();
  server?.close();
});

const FAST: Partial<HttpLimits> = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };

/** What it is sent until the connection ends, however that ends. */
async function readAll(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', piece => {
    received += piece;
  });
  // Also after an error, which `once` would throw.
  if (!socket.closed) await new Promise(resolve => socket.on('close', resolve));
  return received;
}

/** Answers with the number of bytes that it was sent. */
async function start(limits: Partial<HttpLimits>): Promise<() => Socket> {
  const made = createHttpServer(async request => {
    const body = await request.arrayBuffer().catch(() => undefined);
    return new Response(`${body?.byteLength ?? 'broken'}`);
  }, limits);
  server = made;
  made.listen(0, '127.0.0.1');
  await once(made, 'listening');
  const address = made.address();
  return () => {
    const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  };
}

test('the server closes the connection of a client that never ends its headers or its body', async () => {
  const open = await start(FAST);
  for (const begun of [
    'GET / HTTP/1.1\r\nHost: a\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx',
  ]) {
    const socket = open();
    socket.write(begun);
    // One byte now and then does not help it.
    const drip = setInterval(() => socket.write(begun.startsWith('GET') ? 'x' : 'y'), 40);
    expect(await readAll(socket)).toContain('408 Request Timeout');
    clearInterval(drip);
  }
});

test('slow clients do not delay others', async () => {
  const open = await start(FAST);
  for (let i = 0; i < 50; i++) open().write('GET / HTTP/1.1\r\n');
  const socket = open();
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc');
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*\r\n3$/);
});

test('the server cuts off endless headers and surplus connections', async () => {
  const open = await start({ ...FAST, maxConnections: 2 });
  const long = open();
  long.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  expect(await readAll(long)).toContain('431 Request Header Fields Too Large');
  const kept = [open(), open()];
  for (const socket of kept) {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
  }
  const third = open();
  expect(await readAll(third)).toBe('');
});
