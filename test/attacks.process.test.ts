/** @file Attacks on the real processes: from another machine, from a web page, from a shell of another user. */
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import type { Send } from './site/send.ts';

/** Everything that no log, answer or object may hold. */
const SECRETS = {
  EASEL_TOKEN: 'token-8c1f2e60b7d94a35',
  EASEL_RUNNER_SECRET: 'runner-secret-5d0be1c9a7f2',
  AWS_ACCESS_KEY_ID: 'AKIA-27f9c0d4e1',
  AWS_SECRET_ACCESS_KEY: 'aws-secret-94b1d7e3c05f',
};
const AUTHORIZED = { authorization: `Bearer ${SECRETS.EASEL_TOKEN}` };

let place: Folder;
let site: Site;
const lines: string[] = [];
const answers: string[] = [];

beforeAll(async () => {
  place = await openFolder();
  site = await openSite({
    place,
    env: { ...SECRETS, EASEL_IMPORT_ROOTS: join(place.folder, 'pictures') },
    headers: AUTHORIZED,
    log: line => void lines.push(line),
  });
});
afterAll(async () => {
  await site?.close();
  await place.remove();
});

/** The answer to bytes as they are, which no client library would send. */
async function sendRaw(url: string, request: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect(Number(new URL(url).port), host);
  socket.on('error', () => {});
  socket.setTimeout(10_000, () => socket.destroy());
  socket.write(request.replaceAll('\n', '\r\n'));
  const answer = await text(socket).catch(() => '');
  answers.push(answer);
  return answer;
}

/** Keeps the answer, to be searched for secrets. */
const send: Send = async (...call) => {
  const answer = await site.send(...call);
  answers.push(answer.bytes.toString(), JSON.stringify([...answer.headers]));
  return answer;
};

describe('from another machine', () => {
  const outside = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(address => !address.internal && address.family === 'IPv4')
    .map(({ address }) => address);

  test.skipIf(outside.length === 0)('other machines can reach neither the server nor the gpu-runner', async () => {
    for (const url of [site.easel.url, site.easel.runnerUrl]) {
      for (const address of outside) {
        const socket = connect(Number(new URL(url).port), address);
        const [error] = await once(socket, 'error');
        expect(error.code).toBe('ECONNREFUSED');
      }
    }
  });

  test('the server refuses requests that name another host', async () => {
    const authorized = `Authorization: ${AUTHORIZED.authorization}\nConnection: close\n`;
    for (const request of [
      `GET /functions HTTP/1.1\nHost: evil.example\n${authorized}\n`,
      `GET /functions HTTP/1.1\nHost: 127.0.0.1.evil.example\n${authorized}\n`,
      `GET /functions HTTP/1.1\nHost: 127.0.0.1@evil.example\n${authorized}\n`,
      `GET /functions HTTP/1.1\nHost: localhost\nHost: evil.example\n${authorized}\n`,
    ]) {
      expect(await sendRaw(site.easel.url, request), request).toMatch(/^HTTP\/1.1 4\d\d /);
    }
    expect(await sendRaw(site.easel.url, `GET /functions HTTP/1.1\nHost: localhost\n${authorized}\n`)).toMatch(
      /^HTTP\/1.1 200 /,
    );
  });

  test('the server refuses malformed requests and those that hide a second one', async () => {
    for (const request of [
      'GET /health HTTP/1.1\nConnection: close\n\n',
      'POST /objects HTTP/1.1\nHost: localhost\nContent-Length: 5\nTransfer-Encoding: chunked\nConnection: close\n\n0\n\nGET /functions HTTP/1.1\nHost: localhost\n\n',
      'POST /objects HTTP/1.1\nHost: localhost\nContent-Length: 5\nContent-Length: 6\nConnection: close\n\nhello!',
      'GET /health\0 HTTP/1.1\nHost: localhost\nConnection: close\n\n',
      '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    ]) {
      expect(await sendRaw(site.easel.url, request), request).toMatch(/^HTTP\/1.1 400 /);
    }
  });
});

test('no path of a request leads out of the store', async () => {
  const climbing = ['..', '%2e%2e', '..%2f..', '..%252f..', '..\\..', '%00', '.easel'];
  for (const base of ['/objects', '/datasets', '/experiments', '/runs', '/functions', '']) {
    for (const part of climbing) {
      const path = `${base}/${part}/${part}/etc/passwd`;
      const answer = await sendRaw(
        site.easel.url,
        `GET ${path} HTTP/1.1\nHost: localhost\nAuthorization: ${AUTHORIZED.authorization}\nConnection: close\n\n`,
      );
      expect(answer, path).toMatch(/^HTTP\/1.1 4\d\d /);
      expect(answer, path).not.toContain('root:');
    }
  }
  for (const name of ['..', '.easel', 'a%2fb', 'A', '%00']) {
    const { status } = await send('PUT', `/datasets/${name}`, { dataset: `sha256:${'0'.repeat(64)}` });
    expect(status, name).toBeGreaterThanOrEqual(400);
    expect(status, name).toBeLessThan(500);
  }
});

describe('the runner', () => {
  const ask = (headers: Record<string, string>) => fetch(`${site.easel.runnerUrl}/status`, { headers });

  test('the gpu-runner answers only callers that have the secret of its start', async () => {
    const attempts: Record<string, string>[] = [
      {},
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${SECRETS.EASEL_RUNNER_SECRET.slice(0, -1)}` },
      { authorization: `Basic ${SECRETS.EASEL_RUNNER_SECRET}` },
      AUTHORIZED,
    ];
    for (const headers of attempts) {
      const answer = await ask(headers);
      answers.push(await answer.text());
      expect(answer.status).toBe(401);
    }
    expect((await ask({ authorization: `Bearer ${SECRETS.EASEL_RUNNER_SECRET}` })).status).toBe(200);
  });

  test('the gpu-runner refuses requests that name another host', async () => {
    const authorized = `Authorization: Bearer ${SECRETS.EASEL_RUNNER_SECRET}`;
    expect(
      await sendRaw(
        site.easel.runnerUrl,
        `GET /status HTTP/1.1\nHost: evil.example\n${authorized}\nConnection: close\n\n`,
      ),
    ).toMatch(/^HTTP\/1.1 403 /);
  });
});

test('no log line, answer or object contains a secret', async () => {
  const set = { dataset: 'faces', source: 'portraits', count: 8, size: 32, quantum: 4, stride: 4 };
  expect((await send('POST', '/functions/prepare', set)).status).toBe(200);
  const config = {
    preset: 'portraits',
    model: { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8 },
    optimizer: { total_samples: 32, warmup_samples: 8 },
    data: { batch_size: 8 },
    run: { chunk_steps: 2, preview: { prompts: [] } },
  };
  const made = { dataset: 'faces', config, engine: 'onnxruntime/cpu' };
  expect((await send('PUT', '/experiments/run', made)).status).toBe(201);
  const trained = await send('POST', '/experiments/run/train', {});
  expect(trained.status, trained.bytes.toString()).toBe(200);
  // What goes wrong is told at more length.
  for (const [method, path, body] of [
    ['POST', '/functions/train', { experiment: 'none' }],
    ['POST', '/functions/import', { dataset: 'x', folder: '/etc' }],
    ['POST', '/functions/sample', { checkpoint: 'run', prompts: ['a'], engine: { name: 'none' } }],
    ['POST', '/functions/nothing', {}],
    ['POST', '/sample', { model: 'run', prompt: 'a', steps: 1, width: 7 }],
    ['GET', '/runs/none', undefined],
    ['GET', '/health', undefined],
    ['GET', '/functions', undefined],
  ] as const) {
    await send(method, path, body);
  }
  await send('GET', '/functions', undefined, { authorization: 'Bearer wrong' });

  const places: [string, string][] = [
    ...lines.map((line): [string, string] => ['log', line]),
    ...answers.map((answer): [string, string] => ['answer', answer]),
  ];
  for (const entry of await readdir(place.folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // One that is temporary may be gone by now.
    const content = await readFile(path, 'latin1').catch(() => '');
    places.push([path, path], [path, content]);
  }
  expect(places.length).toBeGreaterThan(100);
  expect(lines.length).toBeGreaterThan(0);
  for (const [name, secret] of Object.entries(SECRETS)) {
    const found = places.filter(([, content]) => content.includes(secret)).map(([place]) => place);
    expect(found, name).toEqual([]);
  }
}, 120_000);
