import { beforeAll, describe, expect, test } from 'vitest';
import { Busy } from '../../errors.ts';
import { readHead } from '../../functions/experiments/experiment-head.ts';
import { encodePng } from '../../functions/pictures/image.ts';
import { createApp } from '../app.ts';
import { createTrainingServer, type TrainingServer } from '../testing/training.ts';

let server: TrainingServer;

beforeAll(async () => {
  server = await createTrainingServer();
  await server.create('toy');
  await server.executor.callEffect('train', { experiment: 'toy', target: 64 });
});

const ask = { model: 'toy', prompt: 'a red hat', steps: 2 };

describe('POST /sample', () => {
  test('POST /sample answers with a PNG that is a blob of the store', async () => {
    const response = await server.send('POST', '/sample', ask);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    const png = Buffer.from(await response.arrayBuffer());
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    const object = await server.send('GET', response.headers.get('content-location') ?? '');
    expect(Buffer.compare(png, Buffer.from(await object.arrayBuffer()))).toBe(0);
  });

  test('POST /sample answers with digests if Accept asks for JSON, and echoes the checkpoint of the name', async () => {
    const document = await server.expectJson(200, 'POST', '/sample', { ...ask, seed: 5 });
    const { value } = await readHead(server.store, 'toy');
    expect(document).toMatchObject({
      model: 'toy',
      prompt: 'a red hat',
      checkpoint: value.checkpoint,
      engine: value.engine,
      seed: 5,
      steps: 2,
      guidance: 1.5,
      solver: 'euler',
      time_grid: 'uniform',
      guidance_method: 'cfg',
      weights: 'ema',
      cache: 'miss',
      image: { media_type: 'image/png' },
    });
    expect(await server.expectJson(200, 'POST', '/sample', { ...ask, seed: 5 })).toMatchObject({
      cache: 'hit',
      image: document.image,
    });
  });

  test('POST /sample says which texts are longer than the encoder reads, from the cache, too', async () => {
    const long = 'word '.repeat(200);
    const note = {
      code: 'prompt_cut',
      count: 2,
      text: '2 prompts are longer than the 64 words that the encoder words reads; the rest is left out',
      examples: [
        { name: 'prompt', text: '200 words, 64 used' },
        { name: 'negative_prompt', text: '200 words, 64 used' },
      ],
    };
    for (const cache of ['miss', 'hit']) {
      const body = { ...ask, prompt: long, negative_prompt: long };
      expect(await server.expectJson(200, 'POST', '/sample', body)).toMatchObject({ cache, notes: [note] });
    }
    const picture = await server.send('POST', '/sample', { ...ask, prompt: long });
    expect(picture.headers.get('x-easel-notes')).toBe(
      '1 prompt is longer than the 64 words that the encoder words reads; the rest is left out (prompt: 200 words, 64 used)',
    );
    expect(await server.expectJson(200, 'POST', '/sample', ask)).toMatchObject({ notes: [] });
    expect((await server.send('POST', '/sample', ask)).headers.get('x-easel-notes')).toBeNull();
  });

  test('POST /sample takes the digest of a checkpoint and the engine of the gpu-runner', async () => {
    const { value } = await readHead(server.store, 'toy');
    const document = await server.expectJson(200, 'POST', '/sample', { ...ask, model: value.checkpoint });
    expect(document).toMatchObject({
      checkpoint: value.checkpoint,
      engine: { name: 'reference', precision: 'f32', threads: 1 },
    });
  });

  test('POST /sample with respond-async answers at once with the run', async () => {
    const gate = Promise.withResolvers<void>();
    const { run } = server.runner;
    server.runner.run = async (...args) => {
      await gate.promise;
      return run(...args);
    };
    const response = await server.send('POST', '/sample', { ...ask, seed: 77 }, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const location = response.headers.get('location') ?? '';
    expect(location).toMatch(/^\/runs\/sha256:/);
    gate.resolve();
    server.runner.run = run;
    const ended = await server.send('GET', location, undefined, { prefer: 'wait=30' });
    expect(await ended.json()).toMatchObject({ state: 'done', result: { outputs: { image_000: {} } } });
  });

  test('POST /sample answers 503 with Retry-After if the queue is full', async () => {
    const { run } = server.runner;
    server.runner.run = () => Promise.reject(new Busy('the queue is full', { retryAfterSeconds: 7 }));
    const response = await server.send('POST', '/sample', { ...ask, seed: 78 });
    server.runner.run = run;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toMatchObject({ code: 'busy' });
  });

  test.each([
    ['an unknown model', { model: 'nobody' }, 404],
    ['a name with two versions', { model: 'toy@4@8' }, 400],
    ['an unknown digest', { model: `sha256:${'0'.repeat(64)}` }, 404],
    ['a digest of another kind of blob', { model: 'DATASET' }, 422],
    ['no prompt', { prompt: undefined }, 400],
    ['an unknown key', { promt: 'x' }, 400],
    ['a size that the patches do not fill', { width: 20, height: 20 }, 422],
    ['guidance beyond the scale', { guidance: 1000 }, 400],
  ])('POST /sample refuses %s', async (_, change, status) => {
    const given = { ...ask, ...change };
    const model = given.model === 'DATASET' ? server.dataset : given.model;
    await server.expectJson(status, 'POST', '/sample', { ...given, model });
  });

  test('POST /sample refuses a picture of a pose with joints, and for a model without pose', async () => {
    const data = new Uint8Array(16 * 16 * 3);
    const { digest } = await server.blobs.put(await encodePng({ data, width: 16, height: 16 }), 'image/png');
    const pose = Array.from({ length: 133 }, () => [0, 0, 1]);
    const weights = { detector: [digest], pose: [digest] };
    for (const [status, more, detail] of [
      [422, { pose_picture: digest }, 'trained without pose, so the pose of a picture says nothing to it'],
      [400, { pose_picture: digest, pose }, 'expected either joints in pose or a picture of them'],
      [400, { pose_weights: weights }, 'has no effect without pose_picture'],
    ] as const) {
      const answer = await server.expectJson(status, 'POST', '/sample', { ...ask, ...more });
      expect(answer.detail).toContain(detail);
    }
  });

  test('POST /sample draws a random seed for -1, and the answer has it', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => server.send('POST', '/sample', { ...ask, seed: -1 })));
    const drawn = one?.headers.get('x-easel-seed') ?? '';
    expect(drawn).toMatch(/^\d+$/);
    expect(other?.headers.get('x-easel-seed')).not.toBe(drawn);
    const again = await server.expectJson(200, 'POST', '/sample', { ...ask, seed: Number(drawn) });
    expect(again).toMatchObject({ seed: Number(drawn), cache: 'hit' });
    expect(one?.headers.get('content-location')).toBe(again.image.url);
  });

  test('POST /sample takes seeds of 64 bits exactly, as JSON numbers and as texts', async () => {
    const sendSeed = async (seed: string) => {
      const body = JSON.stringify({ ...ask, seed: 0 }).replace('"seed":0', `"seed":${seed}`);
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const answer = await createApp(server.deps).request('/sample', { method: 'POST', headers, body });
      return JSON.parse(await answer.text());
    };
    const [one, next, text] = await Promise.all(
      ['9223372036854775809', '9223372036854775808', '"9223372036854775809"'].map(sendSeed),
    );
    expect(one).toMatchObject({ seed: '9223372036854775809' });
    expect(next.pixels.digest).not.toBe(one.pixels.digest);
    expect(text.image.digest).toBe(one.image.digest);
    expect(await sendSeed('"7"')).toMatchObject({ seed: 7 });
  });

  test.each([-2, 1.5, '18446744073709551616', 'random', null])('POST /sample refuses the seed %j', async seed => {
    const problem = await server.expectJson(400, 'POST', '/sample', { ...ask, seed });
    const detail = 'expected a whole number from 0 to 18446744073709551615; -1 draws a random one';
    expect(problem.errors).toEqual([{ pointer: '/seed', detail }]);
  });

  test('POST /sample makes the same picture for every blank prompt: that of no text', async () => {
    const prompts = ['', ' ', '\n\t', '\u3000'];
    const made = prompts.map(prompt => server.expectJson(200, 'POST', '/sample', { ...ask, prompt }));
    expect(new Set((await Promise.all(made)).map(({ pixels }) => pixels.digest)).size).toBe(1);
  });

  test('POST /sample refuses an unknown solver and names the nearest', async () => {
    const problem = await server.expectJson(400, 'POST', '/sample', { ...ask, solver: 'eular' });
    expect(problem.detail).toContain('/solver: unknown solver "eular"; did you mean "euler"?');
  });

  test('POST /sample refuses a setting of a method that is not chosen', async () => {
    const problem = await server.expectJson(400, 'POST', '/sample', { ...ask, shift: 3 });
    expect(problem.detail).toContain('/shift: has no effect with time_grid uniform; it belongs to shifted');
  });

  test('POST /sample names the settings of the chosen methods, given or not', async () => {
    const methods = { solver: 'unipc', time_grid: 'shifted', shift: 2, guidance_method: 'apg' };
    const made = await server.expectJson(200, 'POST', '/sample', { ...ask, ...methods });
    expect(made).toMatchObject({ ...methods, apg_parallel: 0, apg_momentum: -0.5 });
    expect(made).not.toHaveProperty('zero_steps');
  });

  test.each([
    ['an unknown name', 'openvin', 'unknown engine "openvin"; did you mean "openvino/cpu"?'],
    ['parts with an unknown name', { name: 'refrence' }, 'unknown engine "refrence"; did you mean "reference"?'],
    ['parts of a plan', { name: 'reference', micro_batch: 8 }, 'micro_batch does not belong to an engine'],
  ])('POST /sample refuses the engine: %s', async (_, engine, text) => {
    const problem = await server.expectJson(400, 'POST', '/sample', { ...ask, engine });
    expect(problem.detail).toContain(text);
  });

  test('POST /sample of an experiment without a checkpoint says what to do', async () => {
    await server.create('fresh');
    const problem = await server.expectJson(422, 'POST', '/sample', { ...ask, model: 'fresh' });
    expect(problem.hint).toContain('/experiments/fresh/train');
  });
});
