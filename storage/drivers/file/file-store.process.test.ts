import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '../../digest.ts';
import { makeNumberedBody, readNumberedBody } from '../../testing/file-writer.ts';
import type { ObjectStore } from '../../types.ts';
import { openFileStore } from './file-store.ts';

describe('a file store used by several processes', () => {
  let folder: string;
  let store: ObjectStore;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-file-store-'));
    store = await openFileStore(folder);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  function startWriter(mode: string, key: string, count = 0): ChildProcess {
    const script = fileURLToPath(new URL('../../testing/file-writer.ts', import.meta.url));
    const child = spawn(process.execPath, [script, mode, folder, key, String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  }

  /** All lines that the process prints until it ends. */
  async function readLines(child: ChildProcess): Promise<string[]> {
    const lines: string[] = [];
    if (child.stdout) for await (const line of createInterface(child.stdout)) lines.push(line);
    return lines;
  }

  it('replaces the lock of a dead process', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const holder = { pid: dead.pid, start: '', boot: boot.trim(), namespace: '', nonce: 'x' };
    if (existsSync('/proc/self/ns/pid')) holder.namespace = readlinkSync('/proc/self/ns/pid');
    await symlink(JSON.stringify(holder), join(folder, '.easel/locks', hexOf(digestOf('a'))));
    const start = performance.now();
    await Promise.all([store.put('a', Buffer.from('1')), (await openFileStore(folder)).put('a', Buffer.from('2'))]);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(await readdir(join(folder, '.easel/locks'))).toEqual([]);
  });

  it('loses no increment', async () => {
    await store.put('counter', makeNumberedBody(0));
    const writers = Array.from({ length: 3 }, () => startWriter('increment', 'counter', 30));
    const codes = await Promise.all(writers.map(writer => once(writer, 'exit').then(([code]) => code)));
    expect(codes).toEqual([0, 0, 0]);
    const stored = await store.get('counter');
    expect(stored && readNumberedBody(stored.body)).toBe(90);
  });

  it('creates each key once', async () => {
    const writers = Array.from({ length: 3 }, () => startWriter('create', 'k', 60));
    const won = (await Promise.all(writers.map(readLines))).flat().map(Number);
    expect(won.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  it('holds whole objects, keeps every acknowledged write, and stays usable when writers are killed', async () => {
    for (let round = 0; round < 8; round++) {
      const child = startWriter('churn', 'k');
      const lines = readLines(child);
      // Kills at any moment after the first acknowledged write.
      if (child.stdout) await once(child.stdout, 'data');
      await new Promise(resolve => setTimeout(resolve, round * 7));
      child.kill('SIGKILL');
      await once(child, 'exit');
      const acknowledged = Number((await lines).at(-1));
      expect(acknowledged).toBeGreaterThan(0);

      const swapped = await store.get('k');
      const free = await store.get('k-free');
      for (const stored of [swapped, free]) {
        const value = stored && readNumberedBody(stored.body);
        expect(value).toBeGreaterThanOrEqual(acknowledged);
        expect(value).toBeLessThanOrEqual(acknowledged + 1);
      }
      expect(free?.mediaType).toBe('image/png');
      expect((await store.list('')).objects.map(object => object.key)).toEqual(['k', 'k-free']);
      const start = performance.now();
      const ifMatch = swapped?.etag;
      if (ifMatch) await store.put('k', makeNumberedBody(acknowledged + 1), { ifMatch });
      expect(performance.now() - start).toBeLessThan(5000);
    }
  });
});
