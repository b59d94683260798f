import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReferenceEngine, probeReference } from './reference/engine.ts';
import { chooseThreads, measureThreads, type ThreadChoice } from './thread-count.ts';

let cacheFolder: string;
let asked: number[];

beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'easel-threads-'));
  asked = [];
});
afterEach(() => rm(cacheFolder, { recursive: true }));

const choose = (times: Readonly<Record<number, number>>, changes: Partial<ThreadChoice> = {}) =>
  chooseThreads({
    engine: 'engine/cpu 1.0',
    cacheFolder,
    parallelism: 8,
    cpu: 'Some CPU @ 3 GHz',
    time: async threads => {
      asked.push(threads);
      return times[threads] ?? Number.NaN;
    },
    ...changes,
  });

describe('chooseThreads', () => {
  it('uses half of the threads only if they are clearly faster', async () => {
    expect(await choose({ 8: 100, 4: 60 })).toBe(4);
    expect(await choose({ 8: 100, 4: 95 }, { engine: 'other' })).toBe(8);
  });

  it('measures once per machine, engine and version', async () => {
    await choose({ 8: 100, 4: 60 });
    expect(await choose({ 8: 1, 4: 60 })).toBe(4);
    expect(asked).toEqual([8, 4]);
    expect(await choose({ 8: 1, 4: 60 }, { engine: 'engine/cpu 1.1' })).toBe(8);
    expect(await choose({ 8: 1, 4: 60 }, { cpu: 'another' })).toBe(8);
    expect(asked.length).toBe(6);
    expect((await readdir(join(cacheFolder, 'threads'))).length).toBe(3);
  });

  it('measures again if the record is damaged', async () => {
    await choose({ 8: 100, 4: 60 });
    const [name = ''] = await readdir(join(cacheFolder, 'threads'));
    const path = join(cacheFolder, 'threads', name);
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 10));
    expect(await choose({ 8: 1, 4: 60 })).toBe(8);
  });

  it('measures nothing on a small machine, and needs no folder', async () => {
    expect(await choose({}, { parallelism: 2 })).toBe(2);
    expect(asked).toEqual([]);
    expect(await choose({ 8: 100, 4: 60 }, { cacheFolder: '/dev/null/none' })).toBe(4);
  });
});

it('measureThreads times steps of an engine, and returns the probe of a missing engine unchanged', async () => {
  const opened: number[] = [];
  const open = (threads: number) => {
    opened.push(threads);
    return {
      ...createReferenceEngine(),
      compile: async () => ({ peakBytes: 0, run: async () => ({}), dispose: async () => {} }),
    };
  };
  const probe = { ...probeReference(), threads: 6 };
  expect([3, 6]).toContain((await measureThreads(probe, { cacheFolder, open })).threads);
  expect(opened).toEqual([6, 3]);
  const missing = { name: 'x', available: false, reason: 'gone' };
  expect(await measureThreads(missing, { cacheFolder, open })).toBe(missing);
});

it('measureThreads takes a number that a person chose, and measures nothing', async () => {
  const open = () => {
    throw new Error('opened');
  };
  const probe = { ...probeReference(), threads: 6 };
  expect(await measureThreads(probe, { cacheFolder, fixed: 5, open })).toEqual({ ...probe, threads: 5 });
});
