import { expect, test } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createTestServer } from '../testing/server.ts';
import { createTrainingServer } from '../testing/training.ts';

test('the home page shows experiments with their latest previews, and prompts as text', async () => {
  const { send, blobs, store } = createTestServer();
  const image = await blobs.put(Buffer.from('a picture'), 'image/png');
  const prompt = '"><script>alert(1)</script>';
  const index = {
    v: 1,
    kind: 'previews',
    checkpoint: image.digest,
    steps: 1,
    guidance: 1,
    seed: 0,
    links: [image.digest],
  };
  const previews = await putDocument(blobs, { ...index, pictures: [{ prompt, image: { ...image } }] });
  const engine = { name: 'reference', precision: 'f32', threads: 1 } as const;
  const plan = { micro_batch: 1, gradient_checkpointing: false };
  const { digest } = image;
  await createRefs(store).experiments.create('run', {
    ...{
      v: 2,
      config: digest,
      dataset: digest,
      engine,
      plan,
      target: 640,
      state: 'running',
      history: [],
      superseded: [],
      pinned: [],
    },
    chunks: [
      { from: 0, to: 10, log: digest, artifacts: { preview: previews.digest } },
      { from: 10, to: 20, log: digest, artifacts: {} },
    ],
  });
  const answer = await send('GET', '/');
  const page = await answer.text();
  expect(page).toContain('running, 20 steps, target 640 samples');
  expect(page).toContain(`<img src="/objects/${digest}"`);
  expect(page).not.toContain('<script>');
  expect(answer.headers.get('content-security-policy')).not.toContain('script-src');
});

test('the home page and the list of experiments say why a training failed, as text', async () => {
  const server = await createTrainingServer();
  await server.create('toy');
  server.runner.onStep = () => Promise.reject(new Unprocessable('page <0> is damaged', { hint: 'prepare it again' }));
  const problem = await server.expectJson(422, 'POST', '/experiments/toy/train', {}, { prefer: 'wait=30' });
  const page = await (await server.send('GET', '/')).text();
  expect(page).toContain('failed, 0 steps');
  expect(page).toContain('page &lt;0&gt; is damaged; prepare it again');
  const { experiments } = await server.expectJson(200, 'GET', '/experiments');
  const shown = await server.expectJson(200, 'GET', '/experiments/toy');
  for (const each of [experiments[0], shown]) {
    expect(each).toMatchObject({ state: 'failed', problem: { code: problem.code, text: problem.detail } });
  }
});

test('the home page counts skipped steps', async () => {
  const server = await createTrainingServer();
  await server.create('toy');
  server.runner.logOf = step => ({ skipped: step === 3, loss: 1 });
  await server.executor.callEffect('train', { experiment: 'toy' });
  expect(await (await server.send('GET', '/')).text()).toContain('1 of 16 steps was skipped');
});
