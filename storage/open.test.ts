import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { InvalidInput } from '../errors.ts';
import { openStore } from './open.ts';

it('opens folders, absolute and relative, and memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-open-'));
  for (const url of [`file:${folder}/a`, `file://${folder}/a`, `file:${relative(process.cwd(), folder)}/a`]) {
    const store = await openStore(url);
    expect(store.url).toBe(`file:${folder}/a`);
    await store.put('x', Buffer.from('1'));
    await store.close();
  }
  expect(existsSync(join(folder, 'a/x'))).toBe(true);
  expect((await openStore('memory:')).url).toBe('memory:');
  await rm(folder, { recursive: true });
});

it('says what it supports', async () => {
  for (const url of ['', 's3://bucket', 'data/store', 'http://x', 'file:', 'file://host/share', 'memory:x']) {
    await expect(openStore(url), url).rejects.toBeInstanceOf(InvalidInput);
    await expect(openStore(url), url).rejects.toMatchObject({ expected: expect.stringContaining('file:') });
  }
  await expect(openStore('s3://bucket')).rejects.toThrow('not supported');
  await expect(openStore('data/store')).rejects.toMatchObject({ hint: 'for a folder, write "file:data/store"' });
});
