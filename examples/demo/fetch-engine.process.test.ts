/** @file When the demo installs an engine, what it says, and that it goes on without one. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../cli/http.ts';
import type { EnginePackage } from '../../configs/engine-packages.ts';
import { NotFound } from '../../errors.ts';
import { packZip } from '../../formats/testing/pack-zip.ts';
import { type EngineFetch, fetchEngine, waitForEngines } from './fetch-engine.ts';
import { planDemo } from './options.ts';

const wheel = packZip([['fast/libfast.so', 'a library', 'stored']]);
const sha256 = createHash('sha256').update(wheel).digest('hex');
const FAST: EnginePackage = {
  ...{ name: 'fast', version: '1', license: 'MIT', size: 1, library: 'fast/libfast.so' },
  wheels: {
    [`${process.platform}-${process.arch}`]: [
      { project: 'fast', version: '1', file: 'fast-1.whl', sha256, select: [], keep: ['fast/'] },
    ],
  },
};
const LARGE: EnginePackage = { ...FAST, name: 'large', size: 1680 };
const ADVISED = { name: 'fast/cpu', available: false, reason: 'it is not installed', advice: 'install it' };
const USABLE = { name: 'slow/cpu', available: true };

let folder = '';
let lines: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-fetch-'));
  lines = [];
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'wheel'), wheel);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function addPip(script: string): Promise<void> {
  const path = join(folder, 'bin', 'pip');
  await writeFile(
    path,
    `#!/bin/sh\nfor word; do [ "$before" = --dest ] && dest=$word; before=$word; done\n${script}\n`,
  );
  await chmod(path, 0o755);
}
const addWorkingPip = () => addPip(`/bin/cp ${folder}/wheel "$dest/fast-1.whl"`);

interface Site {
  /** Answers of the gpu-runner, one after the other; the last one stays. */
  readonly engines?: readonly (readonly object[])[];
  readonly hasExperiment?: boolean;
}

function serve({ engines = [[USABLE, ADVISED]], hasExperiment = false }: Site): ApiClient {
  const answers = [...engines];
  const runner = { pid: 1, uptime: 1, device: 'cpu', heartbeat_age_ms: 1, running: null, queued: 0, finished: 0 };
  const experiment = { name: 'x', state: 'paused', step: 0, steps: 1, samples: 0, target: 64, checkpoints: [] };
  const documents: Readonly<Record<string, () => unknown>> = {
    '/health': () => ({
      ...{ status: 'ok', version: '1' },
      runner: { ...runner, engines: answers.length > 1 ? answers.shift() : answers[0] },
    }),
    ...(hasExperiment && {
      '/experiments/portraits-64': () => ({
        ...experiment,
        engine: { name: 'slow/cpu', precision: 'f32', threads: 1 },
      }),
    }),
  };
  const get: ApiClient['get'] = async (path, schema) => {
    const answer = documents[path];
    if (answer === undefined) throw new NotFound(`there is no ${path}`);
    return schema.parse(answer());
  };
  return { get } as ApiClient;
}

function fetchWith(
  site: Site = {},
  changes: Partial<EngineFetch> = {},
  words: readonly string[] = [],
): Promise<boolean> {
  const plan = planDemo(words);
  if (plan === undefined) throw new Error('no plan');
  const ignore = () => {};
  const terminal = {
    heading: ignore,
    faint: ignore,
    progress: ignore,
    endProgress: ignore,
    line: (text = '') => lines.push(text),
  };
  return fetchEngine({
    api: serve(site),
    terminal,
    plan,
    signal: new AbortController().signal,
    cacheFolder: join(folder, 'cache'),
    packages: { 'fast/cpu': FAST, 'slow/cpu': undefined },
    env: { PATH: join(folder, 'bin') },
    ...changes,
  });
}

const isInstalled = () => existsSync(join(folder, 'cache/engines/fast/1/fast/libfast.so'));

describe('fetchEngine', () => {
  it('installs the engine that the gpu-runner advises, as soon as the gpu-runner knows its engines', async () => {
    await addWorkingPip();
    expect(await fetchWith({ engines: [[], [], [USABLE, ADVISED]] })).toBe(true);
    expect(isInstalled()).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(/^This CPU trains faster on fast\/cpu: installing it meanwhile \(1 MB, /),
      `fast/cpu is installed: ${join(folder, 'cache/engines/fast/1')}`,
    ]);
  });

  it.each<[string, Site, string[]]>([
    ['no engine is advised', { engines: [[USABLE, { ...ADVISED, advice: undefined }]] }, []],
    ['the engine is there', { engines: [[USABLE, { ...ADVISED, available: true }]] }, []],
    ['the experiment exists, which keeps its engine', { hasExperiment: true }, []],
    ['the command line names an engine', {}, ['--engine', 'onnxruntime/cpu']],
  ])('does nothing and says nothing when %s', async (_, site, words) => {
    await addWorkingPip();
    expect(await fetchWith(site, {}, words)).toBe(false);
    expect([lines, isInstalled()]).toEqual([[], false]);
  });

  it('leaves a large package to the user, and takes the next one that is advised', async () => {
    await addWorkingPip();
    const gpu = { ...ADVISED, name: 'large/gpu' };
    const packages = { 'fast/cpu': FAST, 'large/gpu': LARGE };
    expect(await fetchWith({ engines: [[gpu, USABLE]] }, { packages })).toBe(false);
    expect(await fetchWith({ engines: [[gpu, USABLE, ADVISED]] }, { packages })).toBe(true);
    expect(isInstalled()).toBe(true);
  });

  it('goes on without the engine, with the reason in a line, when nothing can download it', async () => {
    expect(await fetchWith()).toBe(false);
    expect(lines[1]).toBe('Training without fast/cpu: fast could not be downloaded: neither pip nor uv is on the PATH');
  });

  it('goes on without the engine when the download takes too long', async () => {
    await addPip('exec /bin/sleep 60');
    expect(await fetchWith({}, { limitMs: 300 })).toBe(false);
    expect(lines[1]).toBe('Training without fast/cpu: the download took longer than 0.3 s');
  });

  it('ends in silence when the demo is interrupted', async () => {
    await addPip('exec /bin/sleep 60');
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 100);
    expect(await fetchWith({}, { signal: stopping.signal })).toBe(false);
    expect(lines).toHaveLength(1);
  });
});

it('waitForEngines resolves with the engines when the gpu-runner has tried them', async () => {
  expect(await waitForEngines(serve({ engines: [[], [USABLE]] }))).toMatchObject([USABLE]);
});
