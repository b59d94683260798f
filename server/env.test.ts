import { expect, test } from 'vitest';
import { parseEnv } from './env.ts';

test('defaults', () => {
  expect(parseEnv({}, '/home/me')).toEqual({
    store: 'file:data/store',
    host: '127.0.0.1',
    port: 8787,
    runners: [],
    importRoots: ['/home/me'],
    supervised: false,
    probeStore: true,
  });
});

test('lists, relative folders and empty variables', () => {
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
});

test('an address that others can reach needs a token', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org', '127.evil.example']) {
    expect(() => parseEnv({ EASEL_HOST: host }, '/')).toThrow('EASEL_TOKEN is not set');
    expect(parseEnv({ EASEL_HOST: host, EASEL_TOKEN: 'a token of enough length' }, '/').host).toBe(host);
  }
  for (const host of ['localhost', '::1', '127.0.0.2']) expect(parseEnv({ EASEL_HOST: host }, '/').host).toBe(host);
});

test('every wrong variable is named', () => {
  expect(() => parseEnv({ EASEL_PORT: '99999', EASEL_TOKEN: 'short' }, '/')).toThrow(/EASEL_PORT.*EASEL_TOKEN/);
});
