import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModelSource } from '../configs/model-sources.ts';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import { FakeTime } from '../storage/testing/fake-time.ts';
import { createExecutor } from './execution/executor.ts';
import { createFetchModels } from './fetch-models.ts';
import { noRunner } from './testing/functions.ts';
import { createHub, HUB_URL, type Hub } from './testing/hub.ts';
import { inlinePool } from './testing/inline-pool.ts';

const hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const row = (length: number, seed: number) => ({
  dtype: 'f32' as const,
  shape: [length],
  data: Float32Array.from({ length }, (_, i) => seed + i),
});

/** Encoder and decoder, the encoder first, and far more of the decoder than one request bridges. */
const T5 = encodeSafetensors({
  'shared.weight': row(50, 1),
  'encoder.block.0.weight': row(100, 2),
  'decoder.block.0.weight': row(900_000, 3),
});
const TOKENIZER = Buffer.from('{"model":{}}');
const DINO = encodeSafetensors({ 'layer.weight': row(10, 4) });

const license = { name: 'MIT', read_in: 'LICENSE', binds: 'no' };
const at = (repo: string, path: string) => ({ repo, revision: 'c0ffee', path });
const SOURCES: readonly ModelSource[] = [
  {
    name: 'tiny-t5',
    about: 'texts',
    license,
    pins: 'this test',
    parts: {
      model: {
        ...at('x/t5', 'model.safetensors'),
        format: 'safetensors',
        sha256: hex(T5),
        keep: ['shared.weight', 'encoder.'],
        elements: 150,
      },
      tokenizer: { ...at('x/t5', 'tokenizer.json'), format: 'file', sha256: hex(TOKENIZER) },
    },
  },
  {
    name: 'tiny-dino',
    about: 'pictures',
    license: { ...license, name: 'Own License', accept: true, gated: true, text: at('x/dino', 'LICENSE.md') },
    pins: 'this test',
    parts: { model: { ...at('x/dino', 'model.safetensors'), format: 'safetensors', sha256: hex(DINO) } },
  },
  {
    name: 'loose',
    about: 'nothing',
    license,
    pins: 'nobody',
    parts: { model: { ...at('x/loose', 'model.safetensors'), format: 'safetensors', keep: ['layer.'] } },
  },
];

let folder = '';
let hub: Hub;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-fetch-'));
  hub = createHub();
  hub.files.set('x/t5/resolve/c0ffee/model.safetensors', T5);
  hub.files.set('x/t5/resolve/c0ffee/tokenizer.json', TOKENIZER);
  hub.files.set('x/dino/resolve/c0ffee/model.safetensors', DINO);
  hub.files.set('x/dino/resolve/c0ffee/LICENSE.md', Buffer.from('Be nice.'));
  hub.files.set('x/loose/resolve/c0ffee/model.safetensors', DINO);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function createLab(token?: string) {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const executor = createExecutor({
    store,
    blobs,
    registry: [createFetchModels(SOURCES)],
    runner: noRunner,
    pool: inlinePool,
    importRoots: [folder],
    clock: new FakeTime().clock(),
    hub: {
      endpoint: HUB_URL,
      cacheFolder: join(folder, 'cache'),
      token,
      system: { fetch: hub.fetch, wait: async () => {}, freeBytes: async () => 1e12 },
    },
  });
  const call = (body: object) => executor.callEffect('fetch-models', body as never) as Promise<Record<string, never>>;
  const head = async (name: string) => (await createRefs(store).models.read(name))?.value;
  return { store, blobs, call, head };
}

test('of T5 only the tensors of the encoder are fetched, under the sha256 that the host names', async () => {
  const { call, head, blobs } = createLab();
  const answer = await call({ model: 'tiny-t5' });
  const stored = await head('tiny-t5');
  const { tensors } = decodeSafetensors(await blobs.get(stored!.weights.model![0]!));
  expect(Object.keys(tensors).sort()).toEqual(['encoder.block.0.weight', 'shared.weight']);
  expect(tensors['encoder.block.0.weight']?.data[99]).toBe(101);
  expect(Buffer.from(await blobs.get(stored!.weights.tokenizer![0]!))).toEqual(TOKENIZER);
  expect(stored?.files?.model).toMatchObject({
    from: `${HUB_URL}/x/t5/resolve/c0ffee/model.safetensors`,
    size: T5.length,
    sha256: hex(T5),
    checked: 'host',
    tensors: 2,
    elements: 150,
  });
  expect(stored?.files?.tokenizer).toMatchObject({ checked: 'file' });
  expect(answer.notes).toMatchObject([expect.stringContaining('which Easel did not compute')]);
  const asked = hub.asked.filter(line => line.startsWith('cdn')).map(line => line.split('bytes=')[1]);
  const fetched = asked.map(span => span!.split('-').map(Number)).reduce((sum, [a = 0, b = 0]) => sum + b - a + 1, 0);
  expect(fetched).toBeLessThan(300_000);
  expect(await readdir(join(folder, 'cache', 'models', 'downloads', 'tiny-t5'))).toEqual([]);
});

test('a second call fetches nothing; `whole` fetches the file once and computes its sha256', async () => {
  const { call, head } = createLab();
  await call({ model: 'tiny-t5' });
  const before = await head('tiny-t5');
  hub.asked.length = 0;
  expect((await call({ model: 'tiny-t5' })).kept).toEqual(['model', 'tokenizer']);
  expect(hub.asked).toEqual([]);
  await call({ model: 'tiny-t5', whole: true });
  const after = await head('tiny-t5');
  expect(after?.files?.model?.checked).toBe('file');
  // Equal tensors are equal blobs, however they came.
  expect(after?.weights).toEqual(before?.weights);
});

test('a host that names no sha256 must send the whole file', async () => {
  hub.claims = false;
  const { call, head } = createLab();
  await call({ model: 'tiny-t5' });
  expect((await head('tiny-t5'))?.files?.model?.checked).toBe('file');
});

test('another file than the pinned one is refused, by what the host says and by its bytes', async () => {
  hub.files.set('x/t5/resolve/c0ffee/model.safetensors', encodeSafetensors({ 'shared.weight': row(150, 9) }));
  const { call, head } = createLab();
  await expect(call({ model: 'tiny-t5' })).rejects.toThrow('has another file at');
  hub.claims = false;
  await expect(call({ model: 'tiny-t5' })).rejects.toThrow('has the wrong sha256');
  expect(await head('tiny-t5')).toBeUndefined();
});

test('a licence of its own must be accepted by name, once in a store, and its text is stored', async () => {
  hub.gated.set('x/dino', 'hf_good');
  const lab = createLab('hf_good');
  await expect(lab.call({ model: 'tiny-dino' })).rejects.toThrow('which nobody has accepted here');
  await expect(lab.call({ model: 'tiny-dino', accept_licence: 'yes' })).rejects.toThrow('which nobody has accepted');
  expect(hub.asked).toEqual([]);
  await lab.call({ model: 'tiny-dino', accept_licence: 'Own License' });
  const stored = await lab.head('tiny-dino');
  expect(stored?.license).toMatchObject({ name: 'Own License', accepted_at: expect.stringMatching(/Z$/) });
  expect(Buffer.from(await lab.blobs.get(stored!.license.text!)).toString()).toBe('Be nice.');
  expect(hub.asked.filter(line => line.startsWith('cdn') && line.includes('Bearer'))).toEqual([]);
  await lab.call({ model: 'tiny-dino' });
});

test('a gated model says how to get a token, and what is wrong with one', async () => {
  hub.gated.set('x/dino', 'hf_good');
  const body = { model: 'tiny-dino', accept_licence: 'Own License' };
  for (const [token, status, hint] of [
    [undefined, '401', 'start the server with HF_TOKEN'],
    ['hf_bad', '403', 'with the account of HF_TOKEN'],
  ] as const) {
    const error = await createLab(token)
      .call(body)
      .catch(thrown => thrown);
    expect(error.message).toContain(status);
    expect(error.hint).toContain(hint);
  }
});

test('a file that nobody has pinned needs a digest or trust, which is recorded', async () => {
  const { call, head } = createLab();
  await expect(call({ model: 'loose' })).rejects.toThrow(`its host says sha256 ${hex(DINO)}`);
  await expect(call({ model: 'loose', sha256: { model: '0'.repeat(64) } })).rejects.toThrow('has another file');
  await call({ model: 'loose', sha256: { model: hex(DINO) } });
  expect((await head('loose'))?.files?.model).toMatchObject({ checked: 'host', sha256: hex(DINO) });
  const other = createLab();
  const answer = await other.call({ model: 'loose', trust: true });
  expect((await other.head('loose'))?.files?.model).toMatchObject({ checked: 'first use', sha256: hex(DINO) });
  expect(answer.notes).toMatchObject([expect.stringContaining('it was trusted as it came')]);
});

test('a snapshot of Hugging Face below the import roots is read through its links, and checked whole', async () => {
  const snapshot = join(folder, 'snapshot');
  await mkdir(snapshot);
  await mkdir(join(folder, 'blobs'));
  for (const [name, bytes] of [
    ['model.safetensors', T5],
    ['tokenizer.json', TOKENIZER],
  ] as const) {
    await writeFile(join(folder, 'blobs', name), bytes);
    await symlink(join(folder, 'blobs', name), join(snapshot, name));
  }
  const { call, head } = createLab();
  await call({ model: 'tiny-t5', folder: snapshot });
  expect((await head('tiny-t5'))?.files?.model).toMatchObject({ from: 'file model.safetensors', checked: 'file' });
  expect(hub.asked).toEqual([]);
  await expect(
    call({ model: 'tiny-dino', accept_licence: 'Own License', folder: join(folder, 'none') }),
  ).rejects.toThrow('there is no file model.safetensors');
  await expect(call({ model: 'loose', trust: true, folder: dirname(folder) })).rejects.toThrow('no file');
  await mkdir(join(folder, 'odd', 'model.safetensors'), { recursive: true });
  await expect(call({ model: 'loose', trust: true, folder: join(folder, 'odd') })).rejects.toThrow('is no file');
});

test('a file that is uploaded in pieces gives the same blobs as a fetched one; a wrong piece is refused', async () => {
  const { call, head, blobs } = createLab();
  await call({ model: 'tiny-t5' });
  const fetched = await head('tiny-t5');
  const put = async (bytes: Uint8Array) => (await blobs.put(bytes)).digest;
  const pieces = [
    await put(T5.subarray(0, 333)),
    await put(T5.subarray(333, 2_000_000)),
    await put(T5.subarray(2_000_000)),
  ];
  const files = { model: pieces, tokenizer: [await put(TOKENIZER)] };
  await call({ model: 'tiny-t5', files });
  const uploaded = await head('tiny-t5');
  expect(uploaded?.weights).toEqual(fetched?.weights);
  expect(uploaded?.files?.model).toMatchObject({ from: 'uploaded model.safetensors', checked: 'file' });
  const wrong = { ...files, model: pieces.toReversed() };
  await expect(call({ model: 'tiny-t5', files: wrong })).rejects.toThrow('has the wrong sha256');
  await expect(call({ model: 'tiny-t5', files: { weights: pieces } })).rejects.toThrow('has no part "weights"');
});

test('unknown networks and those in wheels are refused with what to do', async () => {
  const { call } = createLab();
  await expect(call({ model: 'tiny-t6' })).rejects.toThrow('there is no pretrained network "tiny-t6"');
  await expect(call({ model: 'lpips-vgg' })).rejects.toThrow('come in a Python wheel');
});
