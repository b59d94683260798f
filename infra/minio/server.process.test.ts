import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasMinio, minioBinary } from '../../test/minio-tier.ts';
import { connectMinio } from './bootstrap.ts';
import { findServer, type MinioServer, startMinio } from './server.ts';

let folder = '';
const started: MinioServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-minio-server-'));
});
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startMinio>[0]> = {}): Promise<MinioServer> {
  const server = await startMinio({ binary: minioBinary(), folder, ...options });
  started.push(server);
  return server;
}

test('a program that is missing or ends at once is an error with its last lines', async () => {
  await expect(startMinio({ binary: join(folder, 'absent'), folder })).rejects.toThrow(
    /MinIO did not start:\n.*not found/,
  );
  await expect(startMinio({ binary: '/bin/false', folder })).rejects.toThrow('MinIO did not start');
});

test('a taken port is a conflict, and no server starts', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startMinio({ binary: '/bin/false', folder, port })).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`port ${port} `),
  });
  other.close();
});

describe.skipIf(!hasMinio)('a real one', () => {
  test('a real server answers to its own keys, keeps objects over a kill, and has a web page', async () => {
    const first = await start();
    await connectMinio(first.endpoint, first).makeBucket('kept');
    await expect(connectMinio(first.endpoint, { ...first, secretKey: 'wrong-secret' }).listBuckets()).rejects.toThrow();
    await first.stop('SIGKILL');
    await first.ended;

    const credentials = { accessKey: first.accessKey, secretKey: first.secretKey };
    const second = await start({ credentials, consolePort: 0 });
    const buckets = await connectMinio(second.endpoint, second).listBuckets();
    expect(buckets.map(bucket => bucket.name)).toEqual(['kept']);
    const page = `http://127.0.0.1:${second.consolePort}/`;
    const type = () => fetch(page).then(answer => answer.headers.get('content-type'));
    // It opens a moment after the rest.
    await expect.poll(() => type().catch(String), { timeout: 20_000 }).toContain('text/html');
  });

  test('a second server on the same folder is refused', async () => {
    const first = await start();
    await expect(start({ endingMs: 300 })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`${first.pid}`),
    });
    expect((await fetch(`${first.endpoint}/minio/health/live`)).status).toBe(200);
  });

  test('a server ends when its parent is killed, and the next server takes over its folder', async () => {
    const parent = spawn(
      process.execPath,
      [fileURLToPath(new URL('./testing/minio-parent.ts', import.meta.url)), minioBinary(), folder],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const served = await realpath(folder);
    expect(await findServer(served)).toBe(pid);
    parent.kill('SIGKILL');
    const next = await start();
    expect(next.pid).not.toBe(pid);
    expect(await findServer(served)).toBe(next.pid);
  });
});
