import { beforeEach, describe, expect, test } from 'vitest';
import { changeHead, readHead } from '../../functions/experiments/experiment-head.ts';
import { ASKED_ENGINE, ENGINE, listKeys, PLAN, putToyDataset, TOY_CONFIG } from '../../functions/testing/training.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { acquireLease } from '../../storage/names/lease.ts';
import { createTrainingServer, type TrainingServer } from '../testing/training.ts';

let server: TrainingServer;
/** What creates the experiment `toy` of most tests. */
let body: object;

beforeEach(async () => {
  server = await createTrainingServer();
  body = { config: TOY_CONFIG, dataset: server.dataset, engine: ASKED_ENGINE };
});

describe('PUT /experiments/:name', () => {
  test('PUT creates an experiment, and an equal PUT changes nothing', async () => {
    const made = await server.expectJson(201, 'PUT', '/experiments/toy', body);
    expect(made).toMatchObject({ name: 'toy', state: 'paused', step: 0, steps: 16, target: 128 });
    expect(made).toMatchObject({ engine: ENGINE, plan: PLAN });
    const before = await readHead(server.store, 'toy');
    expect(await server.expectJson(200, 'PUT', '/experiments/toy', body)).toEqual(made);
    expect(await readHead(server.store, 'toy')).toEqual(before);
  });

  test('PUT resolves conditions and picture size from the dataset, and the engine from the gpu-runner', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', { config: TOY_CONFIG, dataset: server.dataset });
    const { effective_config, engine, plan } = await server.expectJson(200, 'GET', '/experiments/toy');
    expect(effective_config.model.conditions).toEqual({
      text: { encoder: 'words', dim: 192, tokens: 64 },
      cls: { encoder: 'dct', dim: 64, norm: 'none' },
      patches: { encoder: 'dct', dim: 27, stride: 8, norm: 'none' },
    });
    expect(effective_config.data.image_size).toEqual({ width: 16, height: 16 });
    expect(effective_config.model.tokens_per_side).toBe(2);
    // The fake runner has no onnxruntime, and the micro-batch is the batch.
    expect(engine).toEqual({ name: 'reference', precision: 'f32', threads: 1 });
    expect(plan).toEqual({ micro_batch: 8, gradient_checkpointing: false });
  });

  test('PUT says which prompts of the previews are longer than the encoder reads', async () => {
    const prompts = ['a red hat', 'word '.repeat(100)];
    const config = { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, preview: { ...TOY_CONFIG.run.preview, prompts } } };
    const { notes } = await server.expectJson(201, 'PUT', '/experiments/toy', { ...body, config });
    expect(notes).toContainEqual(
      expect.objectContaining({ code: 'preview_cut', examples: [{ name: 'prompt 2', text: '100 words, 64 used' }] }),
    );
    const readme = await server.store.get('experiments/toy/README.md');
    expect(Buffer.from(readme?.body ?? '').toString()).toContain('Note: 1 preview prompt is longer than the 64 words');
    const fits = await server.expectJson(201, 'PUT', '/experiments/fits', body);
    expect(JSON.stringify(fits)).not.toContain('preview_cut');
  });

  test('PUT takes parts of an engine, and resolves the others', async () => {
    const parts = { precision: 'f32', micro_batch: 4 };
    const made = await server.expectJson(201, 'PUT', '/experiments/toy', { ...body, engine: parts });
    expect(made).toMatchObject({
      engine: { name: 'reference', precision: 'f32', threads: 1 },
      plan: { micro_batch: 4 },
    });
    await server.expectJson(200, 'PUT', '/experiments/toy', { ...body, engine: { name: 'auto', ...parts } });
  });

  test.each([
    ['a name', 'cuda', /^\/engine: unknown engine "cuda"; did you mean "xla\/cuda"\? known: auto, .*reference$/],
    ['a number', 5, /^\/engine: expected one of "auto", .*"reference", got 5$/],
    ['a part', { precision: 'f33' }, /^\/engine\/precision: expected one of "f32", "bf16", "f16", got "f33"/],
    [
      'a key',
      { cores: 2 },
      /^\/engine\/cores: unknown key "cores"; known keys: name, precision, threads, .*micro_batch/,
    ],
  ])('PUT refuses %s that no engine has, with those that there are', async (_, engine, detail) => {
    const problem = await server.expectJson(400, 'PUT', '/experiments/toy', { ...body, engine });
    expect(problem.detail.replace('the body is wrong: ', '')).toMatch(detail);
  });

  test('PUT takes arch cross, also with features coarser than patches', async () => {
    const config = { ...TOY_CONFIG, model: { ...TOY_CONFIG.model, arch: 'cross', patch_size: 4 } };
    await server.expectJson(201, 'PUT', '/experiments/toy', { ...body, config });
    const { effective_config } = await server.expectJson(200, 'GET', '/experiments/toy');
    expect(effective_config.model).toMatchObject({
      arch: 'cross',
      patch_size: 4,
      conditions: { patches: { stride: 8 } },
    });
  });

  test('PUT takes a preset with overrides, and the name of a dataset', async () => {
    await server.expectJson(201, 'PUT', '/datasets/hats', { dataset: server.dataset });
    const config = { preset: 'tiny-b', optimizer: { total_samples: 640, warmup_samples: 64 } };
    const made = await server.expectJson(201, 'PUT', '/experiments/toy', { config, dataset: 'hats' });
    expect(made).toMatchObject({ dataset: server.dataset, target: 640, steps: 10, plan: { micro_batch: 64 } });
  });

  test('PUT with another body is a conflict that says what differs', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    const config = { ...TOY_CONFIG, seed: 3, data: { batch_size: 16 } };
    const dataset = await putToyDataset(server.blobs, { count: 3 });
    const engine = { ...ENGINE, micro_batch: 4 };
    const problem = await server.expectJson(409, 'PUT', '/experiments/toy', { config, dataset, engine });
    expect(problem.detail).toContain('seed (0, not 3)');
    expect(problem.detail).toContain('data.batch_size (8, not 16)');
    expect(problem.detail).toContain(`dataset (${server.dataset}, not ${dataset}: 1 picture added (`);
    expect(problem.detail).toContain('engine.micro_batch (2)');
    expect(problem.detail).not.toContain('hidden_size');
  });

  test('an equal PUT still fits a config that was stored before sampling had a solver', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    const { value } = await readHead(server.store, 'toy');
    const { run, ...rest } = JSON.parse(Buffer.from(await server.blobs.get(value.config)).toString());
    const { solver: _, time_grid: __, guidance_method: ___, ...preview } = run.preview;
    const former = await server.blobs.put(Buffer.from(JSON.stringify({ ...rest, run: { ...run, preview } })));
    await changeHead(server.store, 'toy', head => ({ ...head, config: former.digest }));
    const { config } = await server.expectJson(200, 'PUT', '/experiments/toy', body);
    expect(config).toBe(former.digest);
  });

  test('an equal PUT still fits an experiment that has trained on', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    await server.executor.callEffect('train', { experiment: 'toy', target: 192 });
    expect(await server.expectJson(200, 'PUT', '/experiments/toy', body)).toMatchObject({ target: 192, step: 24 });
  });

  test.each([
    ['an unknown key of the config', { config: { model: { hiden_size: 16 } } }, 400, 'did you mean model.hidden_size?'],
    ['an unknown key of the body', { dataste: 'x' }, 400, 'did you mean "dataset"?'],
    ['an unknown preset', { config: 'tiny-c' }, 404, 'there is no preset "tiny-c"'],
    ['an unknown dataset', { dataset: 'nobody' }, 404, 'there is no dataset "nobody"'],
    ['an unknown digest', { dataset: `sha256:${'0'.repeat(64)}` }, 404, `sha256:${'0'.repeat(64)}`],
    ['no digest', { dataset: 'sha256:12' }, 400, 'is not a digest'],
    ['patches that do not fill the pictures', { config: { model: { patch_size: 6 } } }, 422, 'patches of 6 pixels'],
    [
      'features coarser than patches',
      { config: { model: { patch_size: 4 } } },
      400,
      'a multiple of conditions.patches',
    ],
    ['a target beyond the schedules', { config: { run: { target: 1e6 } } }, 422, 'optimizer.total_samples'],
    ['an engine that the runner lacks', { engine: 'onnxruntime/cpu' }, 422, 'onnxruntime/cpu is not available'],
    ['a micro-batch that does not divide', { engine: { ...ENGINE, micro_batch: 3 } }, 422, 'does not divide'],
    [
      'conditions that the dataset lacks',
      { config: { model: { conditions: { pose: { joints: 133 } } } } },
      422,
      'no pose column',
    ],
  ])('PUT refuses %s', async (_, change, status, text) => {
    const problem = await server.expectJson(status, 'PUT', '/experiments/toy', { ...body, ...change });
    expect(problem.detail + (problem.hint ?? '')).toContain(text);
    expect(await listKeys(server.store, 'refs/')).toEqual([]);
  });

  test('PUT refuses a malformed name', async () => {
    await server.expectJson(400, 'PUT', '/experiments/Toy%20one', body);
  });
});

describe('train and pause', () => {
  test('train answers like a function, with its run', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    const run = await server.expectJson(200, 'POST', '/experiments/toy/train', {}, { prefer: 'wait=30' });
    expect(run).toMatchObject({ state: 'done', function: 'train', result: { state: 'done', step: 16 } });
    const direct = await server.send('POST', '/functions/train', { experiment: 'toy' }, { prefer: 'wait=30' });
    expect(await direct.json()).toMatchObject({ action: run.action });
  });

  test('GET shows run and progress of a training, and pause ends the training at the chunk border', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    const gate = Promise.withResolvers<void>();
    server.runner.onStep = step => (step === 6 ? gate.promise : undefined);
    const { action } = await server.expectJson(202, 'POST', '/experiments/toy/train', {}, { prefer: 'wait=0' });
    await expect
      .poll(() => server.expectJson(200, 'GET', '/experiments/toy'))
      .toMatchObject({ state: 'running', run: `/runs/${action}`, progress: { phase: 'train', done: 6, total: 16 } });
    expect(await server.expectJson(200, 'POST', '/experiments/toy/pause', {})).toMatchObject({ state: 'paused' });
    gate.resolve();
    const ended = await server.send('GET', `/runs/${action}`, undefined, { prefer: 'wait=30' });
    expect(await ended.json()).toMatchObject({ state: 'done', result: { state: 'paused', step: 8 } });
    expect(await server.expectJson(200, 'GET', '/experiments/toy')).not.toHaveProperty('run');
  });

  test('a misspelt name of an experiment is answered with the nearest one', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    expect(await server.expectJson(404, 'GET', '/experiments/tyo')).toMatchObject({ hint: 'did you mean toy?' });
  });

  test('every call on an unknown experiment is refused', async () => {
    const problem = await server.expectJson(404, 'POST', '/experiments/toy/train', {});
    expect(problem).toMatchObject({ detail: 'there is no experiment "toy"' });
    await server.expectJson(404, 'POST', '/experiments/toy/pause', {});
    await server.expectJson(404, 'GET', '/experiments/toy');
    await server.expectJson(404, 'DELETE', '/experiments/toy');
  });

  test('train refuses an unknown key', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    await server.expectJson(400, 'POST', '/experiments/toy/train', { samples: 5 });
  });
});

describe('a trained experiment', () => {
  beforeEach(async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    await server.executor.callEffect('train', { experiment: 'toy' });
  });

  test('the list of experiments has name, state and steps', async () => {
    const { experiments } = await server.expectJson(200, 'GET', '/experiments');
    expect(experiments).toEqual([expect.objectContaining({ name: 'toy', state: 'done', step: 16, steps: 16 })]);
  });

  test('previews name their settings, and their pictures can be read', async () => {
    const { previews } = await server.expectJson(200, 'GET', '/experiments/toy/previews?after=4');
    expect(previews.map(({ step }: { step: number }) => step)).toEqual([8, 12, 16]);
    expect(previews[0]).toMatchObject({ steps: 2, guidance: 1.5, seed: 0, solver: 'euler', time_grid: 'uniform' });
    expect(previews[0].pictures).toMatchObject([{ prompt: 'a red hat', media_type: 'image/png' }]);
    const picture = await server.send('GET', previews[0].pictures[0].url);
    expect(picture.headers.get('content-type')).toBe('image/png');
  });

  test('metrics have every step once and go on where the reader is', async () => {
    const all = await server.expectJson(200, 'GET', '/experiments/toy/metrics');
    expect(all.series.step).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
    expect(all.series.loss[3]).toBe(1 / 4);
    expect(all).not.toHaveProperty('next');
    const rest = await server.expectJson(200, 'GET', '/experiments/toy/metrics?after=13');
    expect(rest.series.step).toEqual([14, 15, 16]);
    await server.expectJson(400, 'GET', '/experiments/toy/metrics?after=x');
  });
});

describe('a long experiment', () => {
  const CHUNKS = 70;
  const steps = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i + 1);
  const stepsOf = ({ chunks }: { chunks: readonly { to: number }[] }) => chunks.map(({ to }) => to);

  beforeEach(async () => {
    const run = { ...TOY_CONFIG.run, chunk_steps: 1, preview: { prompts: [] } };
    await server.expectJson(201, 'PUT', '/experiments/toy', { ...body, config: { ...TOY_CONFIG, run } });
    await server.executor.callEffect('train', { experiment: 'toy', target: CHUNKS * TOY_CONFIG.data.batch_size });
  });

  test('GET shows its newest chunks and which are before, and the list of chunks shows all', async () => {
    const shown = await server.expectJson(200, 'GET', '/experiments/toy');
    expect(stepsOf(shown)).toEqual(steps(32, CHUNKS));
    expect(shown.earlier_chunks).toEqual({ from: 0, to: 32 });
    const first = await server.expectJson(200, 'GET', `${shown.urls.chunks}?limit=50`);
    expect([stepsOf(first), first.next]).toEqual([steps(0, 50), 50]);
    const rest = await server.expectJson(200, 'GET', `${shown.urls.chunks}?after=${first.next}`);
    expect(rest.chunks).toEqual(shown.chunks.slice(50 - 32));
    expect(rest).not.toHaveProperty('next');
    expect(await server.expectJson(200, 'GET', `${shown.urls.chunks}?after=${CHUNKS}`)).not.toHaveProperty('next');
    await server.expectJson(400, 'GET', `${shown.urls.chunks}?limit=0`);
    await server.expectJson(404, 'GET', '/experiments/other/chunks');
    const metrics = await server.expectJson(200, 'GET', '/experiments/toy/metrics');
    expect(metrics.series.step).toEqual(steps(0, CHUNKS));
  });
});

describe('DELETE', () => {
  test('DELETE removes the name and the view of an experiment and frees the name', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    await server.executor.callEffect('train', { experiment: 'toy', target: 64 });
    expect((await server.send('DELETE', '/experiments/toy')).status).toBe(204);
    expect(await listKeys(server.store, 'experiments/')).toEqual([]);
    expect(await listKeys(server.store, 'refs/experiments/')).toEqual([]);
    await server.expectJson(201, 'PUT', '/experiments/toy', { ...body, config: { ...TOY_CONFIG, seed: 9 } });
  });

  test('DELETE of its pictures takes away held-out pairs and validations, and leaves the training', async () => {
    const run = { ...TOY_CONFIG.run, held_out_pictures: 1, validate: { every: 4, pictures: 2, tests: ['text'] } };
    const dataset = await putToyDataset(server.blobs, { count: 12, heldOut: 4 });
    await server.expectJson(201, 'PUT', '/experiments/toy', { dataset, config: { ...TOY_CONFIG, run } });
    await server.executor.callEffect('train', { experiment: 'toy', target: 32 });
    const shown = async () => (await listKeys(server.store, 'experiments/toy/')).filter(key => SHOWN.test(key));
    const SHOWN = /\/(held-out|validation)\//;
    expect((await shown()).length).toBeGreaterThan(2);
    const before = await server.expectJson(200, 'GET', '/experiments/toy');
    for (let time = 0; time < 2; time++) {
      expect((await server.send('DELETE', '/experiments/toy/pictures')).status).toBe(204);
      expect(await shown()).toEqual([]);
    }
    const after = await server.expectJson(200, 'GET', '/experiments/toy');
    expect(after.checkpoints).toEqual(before.checkpoints);
    expect(Object.keys(after.chunks[0].artifacts ?? {})).not.toContain('held_out');
    await server.executor.callEffect('train', { experiment: 'toy', target: 64 });
    await server.expectJson(404, 'DELETE', '/experiments/other/pictures');
    await acquireLease(server.store, 'toy', { holder: 'another host', clock: SYSTEM_CLOCK });
    expect((await server.expectJson(409, 'DELETE', '/experiments/toy/pictures')).detail).toContain('in training');
  });

  test('DELETE is refused while the experiment is in training', async () => {
    await server.expectJson(201, 'PUT', '/experiments/toy', body);
    await acquireLease(server.store, 'toy', { holder: 'another host', clock: SYSTEM_CLOCK });
    expect((await server.expectJson(409, 'DELETE', '/experiments/toy')).detail).toContain('another host');
  });
});
