import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { EASEL } from '../test/site/run-easel.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server whose runs never end. */
async function serveEndlessRuns() {
  const seen: string[] = [];
  const followed = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.method === 'POST') return void response.writeHead(202, { location: '/runs/a' }).end('{}');
    if (request.method === 'DELETE') return void response.writeHead(202).end('{}');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1\n\n', () => followed.resolve());
  });
  servers.push(server);
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, followed: followed.promise };
}

async function end(words: readonly string[], signal: NodeJS.Signals) {
  const { url, seen, followed } = await serveEndlessRuns();
  const child = spawn(process.execPath, [EASEL, ...words], {
    env: { PATH: process.env.PATH, EASEL_URL: url },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', chunk => {
    stderr += String(chunk);
  });
  await followed;
  child.kill(signal);
  const [code] = await once(child, 'close');
  return { code, stderr, seen };
}

test.each([
  [['call', 'slow'], 'SIGINT'],
  [['call', 'slow', '--wait', '600'], 'SIGTERM'],
  [['preflight', 'prod-1'], 'SIGTERM'],
  [['gc'], 'SIGINT'],
  [['verify'], 'SIGINT'],
] as const)('easel %j that gets %s stops its run', async (words, signal) => {
  const { code, stderr, seen } = await end(words, signal);
  expect(code).toBe(130);
  expect(stderr).toContain('easel: the run is stopped\n  hint: the same command goes on from the finished parts');
  expect(seen.at(-1)).toBe('DELETE /runs/a');
});

test('a run goes on when the terminal of its command goes away', async () => {
  const { seen } = await end(['call', 'slow'], 'SIGHUP');
  expect(seen).toEqual(['POST /functions/slow', 'GET /runs/a/events']);
});
