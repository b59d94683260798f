import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModelSource } from '../configs/model-sources.ts';
import { NotFound } from '../errors.ts';
import { parsePairs, refuseOptions } from './commands/models.ts';
import { type InstallSourceOptions, installSource } from './install-source.ts';

const row: ModelSource = {
  name: 'own',
  about: 'pictures',
  license: { name: 'Own License', read_in: 'LICENSE.md', binds: 'read it', accept: true, gated: true },
  pins: 'nobody',
  parts: {
    model: { repo: 'x/own', revision: 'main', path: 'model.safetensors', format: 'safetensors' },
    config: { repo: 'x/own', revision: 'main', path: 'config.json', format: 'file' },
  },
};

let folder = '';
let lines: string[] = [];
let calls: unknown[] = [];
let accepted: string | undefined;
const uploads = new Map<string, Uint8Array>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-source-'));
  [lines, calls, accepted] = [[], [], undefined];
  uploads.clear();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const api = {
  async request(_: string, path: string) {
    if (uploads.has(path.slice('/objects/'.length))) return new Response();
    throw new NotFound('no such blob');
  },
  async get<T>(_: string, schema: { parse(value: unknown): T }) {
    const license = { name: 'Own License', ...(accepted !== undefined && { accepted_at: accepted }) };
    return schema.parse({ models: [{ license }] });
  },
  async upload(digest: string, bytes: Uint8Array) {
    uploads.set(digest, bytes);
  },
};

const install = (more: Partial<InstallSourceOptions> = {}) =>
  installSource(row, api as never, {
    accept: false,
    trust: false,
    whole: false,
    sha256: {},
    files: {},
    log: line => lines.push(line),
    signal: new AbortController().signal,
    async call(name, body) {
      calls.push([name, body]);
      const file = { from: 'https://hub/x', size: 1_200_000_000, checked: 'file' };
      const weights = { model: ['a', 'b'], config: ['c'] };
      const files = { model: file, config: { ...file, size: 9 } };
      return { result: { weights, license: row.license, files, kept: ['config'], notes: ['a note'] } };
    },
    ...more,
  });

test('a licence of its own is shown and asked for once; without a person the flag accepts it', async () => {
  await expect(install()).rejects.toThrow('the licence "Own License" was not accepted');
  await expect(install({ ask: async () => 'no' })).rejects.toThrow('was not accepted');
  expect(calls).toEqual([]);
  await install({ ask: async () => 'yes\n' });
  await install({ accept: true });
  expect(lines).toContain('Whether it binds the trained network: read it.');
  accepted = '2026-01-01T00:00:00.000Z';
  await install();
  const first = ['fetch-models', { model: 'own', accept_licence: 'Own License' }];
  expect(calls).toEqual([first, first, ['fetch-models', { model: 'own' }]]);
});

test('the answer is told part by part, with notes and what the licence binds', async () => {
  await install({ accept: true });
  expect(lines.slice(-4)).toEqual([
    'model: 1.20 GB from https://hub/x (checked: file), 2 blobs',
    'config: is there (checked: file), 1 blob',
    'note: a note',
    'own is installed; its licence is Own License. Whether it binds the trained network: read it',
  ]);
});

test('files of a folder are sent once, and named by part', async () => {
  await writeFile(join(folder, 'model.safetensors'), 'weights');
  await expect(install({ accept: true, folder })).rejects.toThrow('there is no file at');
  await writeFile(join(folder, 'config.json'), '{}');
  await install({ accept: true, folder });
  await install({ accept: true, folder, whole: true, trust: true, sha256: { model: 'f'.repeat(64) } });
  const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const files = { model: [digestOf('weights')], config: [digestOf('{}')] };
  expect(calls).toMatchObject([
    ['fetch-models', { files }],
    ['fetch-models', { files, whole: true, trust: true, sha256: { model: 'f'.repeat(64) } }],
  ]);
  expect([...uploads.keys()]).toEqual([...files.model, ...files.config]);
  await expect(install({ accept: true, files: { weights: 'x' } })).rejects.toThrow('has no part "weights"');
});

test('pairs of a flag are read, and wrong ones refused', () => {
  expect(parsePairs('file', 'model=/a/b=c,config=d')).toEqual({ model: '/a/b=c', config: 'd' });
  expect(parsePairs('file', undefined)).toEqual({});
  expect(() => parsePairs('file', '/only/a/path')).toThrow('--file /only/a/path is wrong');
});

test('an option that has no effect on a model is refused', () => {
  refuseOptions('t5-large', { trust: true, whole: false }, ['wheel', 'whole'], 'files');
  expect(() => refuseOptions('t5-large', { wheel: '/w' }, ['wheel'], 'files')).toThrow(
    '--wheel has no effect on t5-large',
  );
});
