import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readKeys, readOrMakeKeys, writeKeys } from './keys.ts';

let parent = '';
let folder = '';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'easel-keys-'));
  folder = join(parent, 'deep', 'minio');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

test('keys are made once, for three users, and only their owner may read them', async () => {
  await expect(readKeys(folder)).rejects.toThrow('there are no keys');
  const keys = await readOrMakeKeys(folder);
  const secrets = [keys.root, keys.easel, keys.browse].map(user => user.secretKey);
  expect(new Set(secrets).size).toBe(3);
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{32}$/);
  expect(await readOrMakeKeys(folder)).toEqual(keys);
  expect((await stat(`${folder}.json`)).mode & 0o777).toBe(0o600);
  const stored = JSON.parse(await readFile(`${folder}.json`, 'utf8'));
  expect(stored.root).toEqual({ access_key: keys.root.accessKey, secret_key: keys.root.secretKey });

  await writeKeys(folder, { ...keys, endpoint: 'http://127.0.0.1:9000', bucket: 'easel' });
  expect(await readKeys(folder)).toEqual({ ...keys, endpoint: 'http://127.0.0.1:9000', bucket: 'easel' });
  expect((await stat(`${folder}.json`)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(parent, 'deep'))).toEqual(['minio.json']);
});

test('a file without keys is an error and stays as it is', async () => {
  for (const text of ['', '{"v":2}', '{"v":1,"root":{"access_key":"a"}}']) {
    await writeFile(join(parent, 'other.json'), text);
    await expect(readOrMakeKeys(join(parent, 'other'))).rejects.toThrow('does not hold the keys');
  }
});
