import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { defaultCacheFolder } from '../configs/cache-folder.ts';
import { parseEnv } from './env.ts';

test('an empty environment gives the defaults', () => {
  expect(parseEnv({}, '/home/me')).toEqual({
    store: 'file:data/store',
    host: '127.0.0.1',
    captions: {
      servers: { ollama: { url: 'http://127.0.0.1:11434', key: undefined, model: 'gemma3:27b' } },
      concurrency: 2,
      deadlineMs: 300_000,
    },
    port: 8787,
    s3: { port: 8788, explicit: false },
    runners: [],
    importRoots: ['/home/me'],
    importBuckets: [],
    leaseTtlMs: 30_000,
    supervised: false,
    probeStore: true,
    hub: { endpoint: 'https://huggingface.co', cacheFolder: defaultCacheFolder() },
  });
});

test('HF_TOKEN and HF_ENDPOINT say who fetches weights, and where; a wrong address is refused', () => {
  const hub = { HF_TOKEN: ' hf_abc\n', HF_ENDPOINT: 'https://mirror.example/', EASEL_CACHE: '/cache' };
  expect(parseEnv(hub, '/').hub).toEqual({
    endpoint: 'https://mirror.example',
    cacheFolder: '/cache',
    token: 'hf_abc',
  });
  expect(parseEnv({ HF_TOKEN: '' }, '/').hub.token).toBeUndefined();
  expect(() => parseEnv({ HF_ENDPOINT: 'mirror' }, '/')).toThrow('HF_ENDPOINT');
});

test('the environment takes lists and relative folders, and ignores empty variables', () => {
  const env = parseEnv(
    {
      EASEL_RUNNERS: 'http://127.0.0.1:1, http://127.0.0.1:2',
      EASEL_IMPORT_ROOTS: 'pictures:/srv/data',
      EASEL_PORT: '',
    },
    '/home/me',
  );
  expect(env.runners).toEqual(['http://127.0.0.1:1', 'http://127.0.0.1:2']);
  expect(env.importRoots).toEqual(['/home/me/pictures', '/srv/data']);
  expect(env.port).toBe(8787);
  expect(parseEnv({ EASEL_LEASE_SECONDS: '3' }, '/').leaseTtlMs).toBe(3000);
});

test('a tilde in the environment is the home folder', () => {
  const env = parseEnv({ EASEL_IMPORT_ROOTS: '~/pictures:~', EASEL_CACHE: '~/cache' }, '/home/me');
  expect(env.importRoots).toEqual([`${homedir()}/pictures`, homedir()]);
  expect(env.cacheFolder).toBe(`${homedir()}/cache`);
  expect(() => parseEnv({ EASEL_IMPORT_ROOTS: '/srv:~bob' }, '/')).toThrow('another user');
});

test('an address that other machines can reach needs a token', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.evil.example']) {
    expect(() => parseEnv({ EASEL_HOST: host }, '/')).toThrow('EASEL_TOKEN is not set');
    expect(parseEnv({ EASEL_HOST: host, EASEL_TOKEN: 'a token of enough length' }, '/').host).toBe(host);
  }
  for (const host of ['localhost', '::1', '127.0.0.2']) expect(parseEnv({ EASEL_HOST: host }, '/').host).toBe(host);
  expect(parseEnv({ EASEL_HOST: '[::1]' }, '/').host).toBe('::1');
});

test('an error names every wrong variable', () => {
  expect(() => parseEnv({ EASEL_PORT: '99999', EASEL_TOKEN: 'short' }, '/')).toThrow(/EASEL_PORT.*EASEL_TOKEN/);
});

test('the environment gives the S3 endpoint a port and keys, or turns it off', () => {
  const s3 = (env: Record<string, string>) => parseEnv(env, '/').s3;
  const keys = { EASEL_S3_ACCESS_KEY: 'access', EASEL_S3_SECRET_KEY: 'a-secret-of-enough-length' };
  expect(s3({ EASEL_S3_PORT: 'off' })).toBeUndefined();
  expect(s3({ EASEL_S3_PORT: '9000' })).toEqual({ port: 9000, explicit: true });
  expect(s3({ EASEL_PORT: '0' })).toEqual({ port: 0, explicit: false });
  expect(s3({ EASEL_PORT: '0', EASEL_S3_PORT: '0' })).toEqual({ port: 0, explicit: true });
  expect(s3({ EASEL_PORT: '8788' })).toBeUndefined();
  expect(s3(keys)?.keys).toEqual({ accessKey: 'access', secretKey: 'a-secret-of-enough-length' });
  expect(() => s3({ EASEL_S3_PORT: 'on' })).toThrow('EASEL_S3_PORT');
  expect(() => s3({ EASEL_S3_PORT: '70000' })).toThrow('EASEL_S3_PORT');
  expect(() => s3({ EASEL_PORT: '9000', EASEL_S3_PORT: '9000' })).toThrow('EASEL_PORT and EASEL_S3_PORT are both 9000');
  expect(() => s3({ ...keys, EASEL_S3_ACCESS_KEY: '' })).toThrow('EASEL_S3_ACCESS_KEY');
  const open = { EASEL_HOST: '0.0.0.0', EASEL_TOKEN: 'a token of enough length' };
  expect(() => s3({ ...open, EASEL_S3_PORT: '9000' })).toThrow('has no keys of yours');
  expect(s3({ ...open, ...keys, EASEL_S3_PORT: '9000' })).toMatchObject({ port: 9000 });
  expect(s3(open)).toEqual({ port: 8788, explicit: false });
});
