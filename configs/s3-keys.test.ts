import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureS3Keys, readS3Keys, s3KeysOf } from './s3-keys.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('takes both S3 keys from the environment, or neither', () => {
  const secret = 'sixteen-or-more-of-them';
  expect(s3KeysOf({})).toBeUndefined();
  expect(s3KeysOf({ EASEL_S3_ACCESS_KEY: '', EASEL_S3_SECRET_KEY: '' })).toBeUndefined();
  const keys = s3KeysOf({ EASEL_S3_ACCESS_KEY: 'me.2', EASEL_S3_SECRET_KEY: secret });
  expect(keys).toEqual({ accessKey: 'me.2', secretKey: secret });
  expect(() => s3KeysOf({ EASEL_S3_ACCESS_KEY: 'me.2' })).toThrow('EASEL_S3_SECRET_KEY');
  expect(() => s3KeysOf({ EASEL_S3_SECRET_KEY: secret })).toThrow('EASEL_S3_ACCESS_KEY');
  const wrong = () => s3KeysOf({ EASEL_S3_ACCESS_KEY: 'a/b', EASEL_S3_SECRET_KEY: 'too short' });
  expect(wrong).toThrow(/EASEL_S3_ACCESS_KEY.*EASEL_S3_SECRET_KEY/);
  expect(wrong).not.toThrow('too short');
});

it('makes S3 keys once, in a file that only its owner can read', async () => {
  expect(await readS3Keys(folder)).toBeUndefined();
  const keys = await ensureS3Keys(folder);
  expect(keys.accessKey).toMatch(/^[A-Z2-7]{20}$/);
  expect(keys.secretKey).toMatch(/^[\w-]{40}$/);
  expect(await ensureS3Keys(folder)).toEqual(keys);
  expect(await readS3Keys(folder)).toEqual(keys);
  const path = join(folder, '.easel', 's3-keys.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, '.easel', 'tmp'))).toEqual([]);
  await rm(path);
  expect(await ensureS3Keys(folder)).not.toEqual(keys);
});

it('refuses a damaged file of S3 keys without printing its contents', async () => {
  await mkdir(join(folder, '.easel'));
  const path = join(folder, '.easel', 's3-keys.json');
  for (const text of ['', '{}', 'secret', '{"v":1,"access_key":"abc","secret_key":"secret"}', '{"v":2}']) {
    await writeFile(path, text);
    const error = await ensureS3Keys(folder).catch(thrown => thrown);
    expect(error).toMatchObject({ code: 'corrupt' });
    expect(error.cause).toBeUndefined();
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('secret_key');
    expect(await readFile(path, 'utf8')).toBe(text);
  }
});
