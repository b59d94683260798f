/**
 * @file A folder store browsed with S3 clients: a real server, the keys that the command line prints, and the clients
 * of this machine.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'minio';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openFileStore } from '../storage/drivers/file/file-store.ts';
import { type ListeningProcess, startServer } from './site/listening-process.ts';
import { EASEL, runEasel } from './site/run-easel.ts';
import { runsTier } from './tiers.ts';

const run = promisify(execFile);
const PICTURE = 'experiments/portraits/previews/step0000100/a smile & more.png';

let folder: string;
let server: ListeningProcess;
/** What a shell has after it has evaluated what `easel store keys` prints. */
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-browse-'));
  server = await startServer({ EASEL_STORE: `file:${folder}/store`, EASEL_S3_PORT: '0' }, folder);
  await server.waitFor(/^S3 endpoint listening on/m);
  const { AWS_CA_BUNDLE: _, ...inherited } = process.env;
  const shell = { ...inherited, AWS_SESSION_TOKEN: 'of another account', AWS_CONFIG_FILE: join(folder, 'no-config') };
  const script = 'eval "$("$0" "$1" store keys --url "$2")" && exec "$0" -p "JSON.stringify(process.env)"';
  const { stdout } = await run('sh', ['-c', script, process.execPath, EASEL, server.url], { env: shell });
  env = JSON.parse(stdout);
}, 60_000);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  const store = await openFileStore(`${folder}/store`);
  for (const { key } of (await store.list('')).objects) await store.delete(key);
  await store.put(PICTURE, Buffer.from('a picture'));
  await store.put('experiments/portraits/README.md', Buffer.from('# portraits'));
  await store.put('datasets/faces/report.html', Buffer.from('<p>faces</p>'));
  await store.close();
});

it('`store keys` gives a shell the variables of an S3 client and unsets those of another account', async () => {
  expect(env.AWS_SESSION_TOKEN).toBeUndefined();
  const { AWS_ENDPOINT_URL_S3 = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_REGION = '' } = env;
  expect(AWS_ENDPOINT_URL_S3).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const client = new Client({
    endPoint: '127.0.0.1',
    port: Number(new URL(AWS_ENDPOINT_URL_S3).port),
    useSSL: false,
    accessKey: AWS_ACCESS_KEY_ID,
    secretKey: AWS_SECRET_ACCESS_KEY,
    region: AWS_REGION,
  });
  const top = await client.listObjectsV2('easel', '', false).toArray();
  expect(top.map(each => each.prefix).sort()).toEqual(['datasets/', 'experiments/']);
});

it('`store keys` says what is missing', async () => {
  const fail = async (words: readonly string[], extra: Record<string, string> = {}) => {
    const { code, stderr } = await runEasel(['store', 'keys', ...words], extra, folder);
    return code === 0 ? `it went well: ${stderr}` : stderr;
  };
  const nobody = ['--url', 'http://127.0.0.1:9'];
  expect(await fail(['--url', server.url, '--store', 's3://bucket'])).toContain(
    'the store s3://bucket is not a folder',
  );
  expect(await fail([...nobody, '--store', 'file:elsewhere'])).toMatch(/has no keys yet\n.*easel up/);
  // Without a server the keys are there all the same, and the port is what it would be.
  expect(await fail([...nobody, '--store', 'file:store'])).toMatch(/^it went well: .*no server of .*8788/);
  expect(await fail([...nobody, '--store', 'file:store'], { EASEL_S3_PORT: 'off' })).toContain('has no S3 endpoint');
  expect(await fail([], { EASEL_URL: server.url, EASEL_S3_ACCESS_KEY: 'alone' })).toContain('EASEL_S3_SECRET_KEY');
});

interface CommandLine {
  /** How it calls this endpoint; the words that follow are its own. */
  call(...words: string[]): Promise<string>;
  readonly list: readonly string[];
  readonly listAll: readonly string[];
  download(to: string): readonly string[];
  upload(from: string): readonly string[];
  readonly remove: readonly string[];
}

const tool =
  (name: string, extra: () => Record<string, string>, first: () => readonly string[] = () => []) =>
  async (...words: string[]) =>
    (await run(name, [...first(), ...words], { env: { ...env, ...extra() } })).stdout;
const hostOf = () => new URL(env.AWS_ENDPOINT_URL_S3 ?? '').host;

const CLIENTS: Readonly<Record<string, CommandLine>> = {
  aws: {
    call: tool('aws', () => ({})),
    list: ['s3', 'ls', 's3://easel/experiments/'],
    listAll: ['s3', 'ls', '--recursive', 's3://easel'],
    download: to => ['s3', 'cp', `s3://easel/${PICTURE}`, to],
    upload: from => ['s3', 'cp', from, 's3://easel/notes/my note.txt'],
    remove: ['s3', 'rm', '--recursive', 's3://easel/notes/'],
  },
  rclone: {
    call: tool('rclone', () => ({
      RCLONE_CONFIG: '/dev/null',
      RCLONE_S3_PROVIDER: 'Other',
      RCLONE_S3_ENV_AUTH: 'true',
      RCLONE_S3_ENDPOINT: env.AWS_ENDPOINT_URL_S3 ?? '',
    })),
    list: ['lsf', ':s3:easel/experiments'],
    listAll: ['ls', ':s3:easel'],
    download: to => ['copyto', `:s3:easel/${PICTURE}`, to],
    upload: from => ['copyto', from, ':s3:easel/notes/my note.txt'],
    remove: ['delete', ':s3:easel/notes'],
  },
  s3cmd: {
    call: tool(
      's3cmd',
      () => ({}),
      () => ['-c', '/dev/null', `--host=${hostOf()}`, `--host-bucket=${hostOf()}`, '--no-ssl', '--no-progress'],
    ),
    list: ['ls', 's3://easel/experiments/'],
    listAll: ['ls', '--recursive', 's3://easel'],
    download: to => ['get', `s3://easel/${PICTURE}`, to],
    upload: from => ['put', from, 's3://easel/notes/my note.txt'],
    remove: ['del', '--recursive', 's3://easel/notes/'],
  },
};
const isThere = (name: string) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
const there = Object.entries(CLIENTS).filter(([name]) => isThere(name));
const missing = there.length > 0 ? undefined : `none of ${Object.keys(CLIENTS).join(', ')} is on the PATH`;

describe.skipIf(!runsTier('s3cli', missing))('S3 on the command line', { timeout: 180_000 }, () => {
  it.each(there)('%s browses experiments and datasets by name, downloads and uploads files', async (name, client) => {
    expect(await client.call(...client.list)).toMatch(/\bportraits\//);
    const all = await client.call(...client.listAll);
    for (const key of [PICTURE, 'experiments/portraits/README.md', 'datasets/faces/report.html'])
      expect(all).toContain(key);
    const place = join(folder, name);
    await mkdir(place);
    await client.call(...client.download(join(place, 'picture.png')));
    expect(await readFile(join(place, 'picture.png'), 'utf8')).toBe('a picture');
    await writeFile(join(place, 'note.txt'), `by ${name}`);
    await client.call(...client.upload(join(place, 'note.txt')));
    expect(await readFile(`${folder}/store/notes/my note.txt`, 'utf8')).toBe(`by ${name}`);
    await client.call(...client.remove);
    expect(await client.call(...client.listAll)).not.toContain('notes/');
  });
});
