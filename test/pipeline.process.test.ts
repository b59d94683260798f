/** @file The whole pipeline at toy size, over the real server and the real gpu-runner, by HTTP alone. */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../formats/safetensors.ts';
import { decodeRgb } from '../functions/pictures/image.ts';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import { runEasel } from './site/run-easel.ts';
import type { ExpectJson } from './site/send.ts';

const PORTRAITS = { dataset: 'faces', source: 'portraits', count: 70, size: 32, seed: 1 };
const CONFIG = {
  preset: 'portraits',
  model: { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8 },
  optimizer: { total_samples: 96, warmup_samples: 16 },
  data: { batch_size: 8 },
  run: { chunk_steps: 6, preview: { prompts: ['a person with red hair', 'a smiling person'], steps: 2 } },
};

/** Every machine has it. */
const ENGINE = 'onnxruntime/cpu';

let place: Folder;
let site: Site;

beforeAll(async () => {
  place = await openFolder();
  site = await openSite({ place, env: { EASEL_IMPORT_ROOTS: place.folder } });
});

afterAll(async () => {
  await site.close();
  await place.remove();
});

const expectJson: ExpectJson = (...call) => site.expectJson(...call);

describe('from nothing to pictures', () => {
  test('prepare draws, inspects, splits, buckets, captions and encodes', async () => {
    const { result } = await expectJson(200, 'POST', '/functions/prepare', PORTRAITS);
    expect(result.rejects).toEqual([]);
    const { columns, encoders, pages } = await expectJson(200, 'GET', '/datasets/faces');
    expect(columns).toEqual(expect.arrayContaining(['image', 'caption', 'text', 'cls', 'patches']));
    expect(encoders.text).toEqual({ name: 'words', dim: 192, tokens: 64 });
    expect(pages).toBe(2);
  });

  test('a second prepare computes nothing, and two more pictures cost one page per stage', async () => {
    const again = await expectJson(200, 'POST', '/functions/prepare', PORTRAITS);
    for (const stage of Object.values<{ pages: { computed: number } }>(again.result.stages)) {
      expect(stage.pages.computed).toBe(0);
    }
    const more = { ...PORTRAITS, dataset: 'more-faces', count: 72 };
    const { result } = await expectJson(200, 'POST', '/functions/prepare', more);
    for (const stage of ['bucket', 'caption', 'encode-text', 'encode-image']) {
      expect(result.stages[stage].pages).toMatchObject({ computed: 1, cached: 1 });
    }
  });

  test('an experiment trains to its target, with previews and metrics', async () => {
    const made = await expectJson(201, 'PUT', '/experiments/faces', {
      config: CONFIG,
      dataset: 'faces',
      engine: ENGINE,
    });
    expect(made.engine).toMatchObject({ name: ENGINE, precision: 'f32' });
    expect(made.plan).toEqual({ micro_batch: 8, gradient_checkpointing: false });
    const { result } = await expectJson(200, 'POST', '/experiments/faces/train', {});
    expect(result).toMatchObject({ state: 'done', step: 12, samples: 96 });
    const { series } = await expectJson(200, 'GET', '/experiments/faces/metrics');
    expect(series.step).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(series.loss.every(Number.isFinite)).toBe(true);
    const { previews } = await expectJson(200, 'GET', '/experiments/faces/previews');
    expect(previews.map(({ step }: { step: number }) => step)).toEqual([6, 12]);
    expect(previews[1].pictures.map(({ prompt }: { prompt: string }) => prompt)).toEqual(CONFIG.run.preview.prompts);
  });

  test('the same seed gives the same sample, also from another gpu-runner', async () => {
    const ask = { model: 'faces', prompt: 'a person with black hair on a blue background', steps: 4, seed: 3 };
    const response = await site.send('POST', '/sample', ask, { accept: '*/*' });
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(await decodeRgb(response.bytes)).toMatchObject({ width: 32, height: 32 });
    const { engine } = await expectJson(200, 'GET', '/experiments/faces');
    // Another runner, which remembers nothing.
    site.kill(['runner']);
    const body = { checkpoint: 'faces', prompts: [ask.prompt], steps: 4, seed: 3, engine };
    const { cache, result } = await expectJson(200, 'POST', '/functions/sample?skipCache', body);
    expect(cache).toBe('miss');
    expect(response.headers.get('content-location')).toBe(`/objects/${result.outputs.image_000.digest}`);
  });

  test('a branch cut into other chunks ends in the bits of its parent, a branch with another config does not', async () => {
    const branch = async (name: string, config: object) => {
      await expectJson(201, 'POST', '/experiments/faces/branch', { name, from: 6, config });
      const { result } = await expectJson(200, 'POST', `/experiments/${name}/train`, {});
      expect(result).toMatchObject({ state: 'done', step: 12, branched_from: { experiment: 'faces', step: 6 } });
      return result;
    };
    const parent = await expectJson(200, 'GET', '/experiments/faces');
    const cut = await branch('cut', { run: { chunk_steps: 4, preview: { prompts: [] } } });
    expect(cut.chunks.map(({ to }: { to: number }) => to)).toEqual([8, 12]);
    expect(cut.checkpoint).toBe(parent.checkpoint);
    const slow = await branch('slow', { optimizer: { learning_rate: 1e-4 }, run: { preview: { prompts: [] } } });
    expect(slow.checkpoint).not.toBe(parent.checkpoint);
    await expectJson(200, 'POST', '/sample', { model: 'slow', prompt: 'a person', steps: 2 });
  });

  test('adapters are trained on the weights of another experiment, and exported as a file of one model', async () => {
    const model = { ...CONFIG.model, lora: { rank: 2 } };
    const config = { ...CONFIG, model, init_from: { experiment: 'faces' }, run: { preview: { prompts: [] } } };
    await expectJson(201, 'PUT', '/experiments/tuned', { config, dataset: 'faces', engine: ENGINE });
    await expectJson(200, 'POST', '/experiments/tuned/train', {});
    await expectJson(200, 'POST', '/sample', { model: 'tuned', prompt: 'a person', steps: 2 });
    const file = join(place.folder, 'tuned.safetensors');
    const easel = () => runEasel(['export', 'tuned', file], { EASEL_URL: site.easel.url });
    expect(await easel()).toMatchObject({ code: 0, stdout: expect.stringContaining(file) });
    const { tensors } = decodeSafetensors(await readFile(file));
    expect(Object.keys(tensors)).toContain('blocks.0.mlp.up');
    expect(Object.keys(tensors).filter(name => name.includes('lora'))).toEqual([]);
    expect(await easel()).toMatchObject({ code: 1, stderr: expect.stringContaining('exists') });
  });

  test('the view of an experiment can be browsed as files', async () => {
    const view = join(place.store, 'experiments', 'faces');
    expect((await readdir(view)).sort()).toEqual([
      'README.md',
      'checkpoints',
      'config.yaml',
      'index.json',
      'log',
      'previews',
      'tensorboard',
    ]);
    expect(await readdir(join(view, 'previews', 'step0000012'))).toEqual(
      expect.arrayContaining(['000.png', '001.png', 'index.json']),
    );
    expect(await readFile(join(view, 'config.yaml'), 'utf8')).toContain('hidden_size: 32');
  });
});

describe('bad input', () => {
  test('prepare rejects broken pictures by name and goes on with the others', async () => {
    const pictures = await mkdtemp(join(place.folder, 'pictures-'));
    const previews = join(place.store, 'experiments', 'faces', 'previews', 'step0000012');
    await writeFile(join(pictures, 'good.png'), await readFile(join(previews, '000.png')));
    await writeFile(join(pictures, 'good.txt'), 'a person');
    await writeFile(join(pictures, 'text.png'), 'this is a text');
    await writeFile(join(pictures, 'empty.png'), '');
    const body = { dataset: 'mixed', folder: pictures, size: 32 };
    const { result } = await expectJson(200, 'POST', '/functions/prepare', body);
    const names = result.rejects.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['text.png', 'empty.png']));
    expect(names).not.toContain('good.png');
  });

  test('an unknown key of a config is named with the nearest known one', async () => {
    const config = { ...CONFIG, optimizer: { learning_rat: 1 } };
    const problem = await expectJson(400, 'PUT', '/experiments/typo', { config, dataset: 'faces' });
    expect(problem.detail).toContain('unknown key optimizer.learning_rat (did you mean optimizer.learning_rate?)');
  });

  test('a checkpoint from another config is refused', async () => {
    const other = { ...CONFIG, seed: 5 };
    await expectJson(201, 'PUT', '/experiments/other', { config: other, dataset: 'faces', engine: ENGINE });
    await expectJson(200, 'POST', '/experiments/other/train', { target: 8 });
    const faces = await expectJson(200, 'GET', '/experiments/faces');
    const first = JSON.parse(
      await readFile(join(place.store, 'experiments', 'other', 'checkpoints', 'step0000001.json'), 'utf8'),
    );
    const problem = await expectJson(422, 'POST', '/functions/train-chunk', {
      config: first.config,
      parent: faces.checkpoint,
      dataset: 'faces',
      from: 12,
      to: 13,
      engine: faces.engine,
      plan: faces.plan,
    });
    expect(problem.detail).toContain('a checkpoint from another config');
  });

  test('an unknown digest and 10 MB of JSON are refused', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const problem = await expectJson(404, 'POST', '/sample', { model: digest, prompt: 'x' });
    expect(problem.detail).toContain(digest);
    const big = JSON.stringify({ model: 'faces', prompt: 'x'.repeat(10 * 2 ** 20) });
    expect((await site.send('POST', '/sample', big)).status).toBe(413);
  });
});
