/** @file `easel store` as a newcomer types it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectMinio } from '../infra/minio/bootstrap.ts';
import { hasMinio, minioBinary } from '../test/minio-tier.ts';
import { EASEL, runEasel } from '../test/site/run-easel.ts';
import { takesAll } from '../test/whole-suite.ts';

const run = promisify(execFile);
let parent = '';
let folder = '';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'easel-store-'));
  folder = join(parent, "it's a folder");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(parent, { recursive: true, force: true });
});

async function fail(...words: string[]): Promise<string> {
  const { code, stderr } = await runEasel(['store', ...words], { PATH: '/nowhere', EASEL_CACHE: parent });
  return `${code}: ${stderr}`;
}

test('the store commands explain wrong arguments and missing programs', async () => {
  const [kind, binary, port, bucket, keys, endpoint, users] = await Promise.all([
    fail('up', 'ceph'),
    fail('up', 'minio'),
    fail('up', 'minio', '--port', 'x'),
    fail('up', 'minio', '--bucket', 'X'),
    fail('env', '--folder', folder),
    fail('bootstrap', '--endpoint', 'here'),
    fail('bootstrap', '--endpoint', 'http://127.0.0.1:9'),
  ]);
  expect(kind).toMatch(
    /^1: easel: this command cannot start or install the store "ceph"\n.*expected: `minio`\n.*object-stores/,
  );
  expect(binary).toMatch(/^1: easel: this machine has neither a minio binary nor Go to build one/);
  expect(port).toContain('--port x is not a port');
  expect(bucket).toContain('--bucket X is not a valid bucket name');
  expect(keys).toMatch(/there are no keys at .*\n.*easel store up minio/);
  expect(endpoint).toContain('--endpoint here is not an address');
  expect(users).toContain('MINIO_ROOT_USER is not set');
});

describe.skipIf(!hasMinio)('store up', { timeout: 120_000 }, () => {
  function startUp() {
    const words = ['store', 'up', 'minio', '--folder', folder, '--port', '0', '--console-port', '0'];
    return spawn(process.execPath, [EASEL, ...words], {
      env: { ...process.env, EASEL_MINIO: minioBinary() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async function waitUntilUp(child: ReturnType<typeof startUp>): Promise<string> {
    let said = '';
    child.stdout.on('data', chunk => {
      said += String(chunk);
    });
    child.once('exit', code => {
      said += `ended with ${code}`;
    });
    await expect.poll(() => said, { timeout: 90_000 }).toMatch(/easel -- up\n|ended with/);
    expect(said).toContain('easel -- up\n');
    return said;
  }

  /** The variables that a shell has after the line that a newcomer pastes. */
  async function evaluate(...words: string[]): Promise<Record<string, string>> {
    const script = 'eval "$("$0" "$@")"; env';
    const { stdout } = await run('sh', [
      '-c',
      script,
      process.execPath,
      EASEL,
      'store',
      'env',
      '--folder',
      folder,
      ...words,
    ]);
    const lines = stdout.split('\n').filter(line => /^(AWS_|EASEL_STORE)/.test(line));
    return Object.fromEntries(lines.map(line => line.split(/=(.*)/s)));
  }

  const keysOf = (env: Record<string, string>) => ({
    accessKey: env.AWS_ACCESS_KEY_ID ?? '',
    secretKey: env.AWS_SECRET_ACCESS_KEY ?? '',
  });

  test('store up prints shell lines that work and no secret; a restart has data and keys again', async () => {
    vi.stubEnv('AWS_PROFILE', 'of-another-account');
    const first = startUp();
    const said = await waitUntilUp(first);
    const env = await evaluate();
    expect(env.AWS_PROFILE).toBeUndefined();
    expect(env).toMatchObject({ EASEL_STORE: `s3://easel?endpoint=${env.AWS_ENDPOINT_URL_S3}` });
    expect(said).toContain(`MinIO is up: ${env.AWS_ENDPOINT_URL_S3} `);
    const kept = await readFile(`${folder}.json`, 'utf8');
    const secrets = [...kept.matchAll(/"secret_key": "(.+)"/g)].map(match => match[1]);
    expect(secrets).toHaveLength(3);
    for (const secret of secrets) expect(said).not.toContain(secret);
    await connectMinio(env.AWS_ENDPOINT_URL_S3 ?? '', keysOf(env)).putObject('easel', 'kept', 'bytes');
    first.kill('SIGINT');
    expect(await once(first, 'exit')).toEqual([0, null]);
    await expect(fetch(env.AWS_ENDPOINT_URL_S3 ?? '')).rejects.toThrow();

    const second = startUp();
    await waitUntilUp(second);
    const look = await evaluate('--browse');
    expect(look.EASEL_STORE).toBeUndefined();
    expect(keysOf(await evaluate())).toEqual(keysOf(env));
    const seen = await connectMinio(look.AWS_ENDPOINT_URL_S3 ?? '', keysOf(look)).statObject('easel', 'kept');
    expect(seen.size).toBe(5);
    second.kill('SIGTERM');
    expect(await once(second, 'exit')).toEqual([0, null]);
  });

  test('store up completes a first start that was killed at any moment', async () => {
    for (const delay of takesAll('kills of most moments of a start of MinIO') ? [150, 400, 700, 1000] : [700]) {
      const child = startUp();
      await sleep(delay);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const child = startUp();
    await waitUntilUp(child);
    const env = await evaluate();
    await connectMinio(env.AWS_ENDPOINT_URL_S3 ?? '', keysOf(env)).putObject('easel', 'there', 'bytes');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('store up ends when MinIO ends, and says why', async () => {
    const child = startUp();
    await waitUntilUp(child);
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args=']);
    const line = stdout.split('\n').find(each => each.includes(` ${child.pid} `) && each.includes(' server '));
    process.kill(Number.parseInt(line ?? '', 10), 'SIGKILL');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
