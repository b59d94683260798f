import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import { decodeNpy } from '../formats/npy.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { readPreviewIndex } from './experiments/border/preview-step.ts';
import { readHead } from './experiments/experiment-head.ts';
import { decodeRgb, encodePng } from './pictures/image.ts';
import { createTrainingLab, ENGINE, PLAN, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;

beforeAll(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
});

const body = { checkpoint: 'toy', prompts: ['a red hat', 'a blue hat'], steps: 2, engine: ENGINE };

async function sample(given: object) {
  const answer = await lab.executor.call('sample', { ...body, ...given });
  return { ...answer, outputs: answer.result.outputs };
}

async function problemOf(given: object): Promise<AppError> {
  const error: unknown = await sample(given).then(
    () => undefined,
    reason => reason,
  );
  if (error instanceof AppError) return error;
  throw new Error(`expected an AppError, got ${error}`);
}

describe('sample', () => {
  test('makes one PNG per prompt, of the training size, with the very pixels', async () => {
    const { outputs } = await sample({});
    expect(Object.keys(outputs).sort()).toEqual(['image_000', 'image_001', 'pixels']);
    const pixels = decodeNpy(await lab.blobs.get(outputs.pixels?.digest as Digest));
    expect(pixels).toMatchObject({ dtype: 'u8', shape: [2, 16, 16, 3] });
    for (const [i, name] of ['image_000', 'image_001'].entries()) {
      const png = await lab.blobs.get(outputs[name]?.digest as Digest);
      const { data, width, height } = await decodeRgb(png);
      expect([width, height]).toEqual([16, 16]);
      expect(Buffer.compare(data, Buffer.from(pixels.data.slice(i * 768, (i + 1) * 768)))).toBe(0);
    }
  });

  test('the name of an experiment stands for its newest checkpoint', async () => {
    const { value } = await readHead(lab.store, 'toy');
    const named = await sample({});
    expect(named.result.action.inputs.checkpoint).toBe(value.checkpoint);
    expect((await sample({ checkpoint: value.checkpoint })).cache).toBe('hit');
    expect((await sample({ checkpoint: 'toy@4' })).action).not.toBe(named.action);
  });

  test('prompt, negative prompt, seed and reference each make another picture', async () => {
    const png = await encodePng({ data: new Uint8Array(20 * 30 * 3).fill(99), width: 20, height: 30 });
    const reference = (await lab.blobs.put(png, 'image/png')).digest;
    const made = [{}, { prompts: ['x', 'y'] }, { negative_prompt: 'blurry' }, { seed: 1 }, { first: 1 }, { reference }];
    const digests = await Promise.all(made.map(async given => (await sample(given)).outputs.pixels?.digest));
    expect(new Set(digests).size).toBe(made.length);
  });

  test('says which prompts are longer than the encoder reads, in its stats', async () => {
    const long = 'word '.repeat(200);
    const { result } = await sample({ prompts: ['a red hat', long], negative_prompt: long });
    expect(result.stats.notes).toMatchObject([
      { code: 'prompt_cut', count: 2, examples: [{ name: 'prompt 2' }, { name: 'negative_prompt' }] },
    ]);
    expect((await sample({})).result.stats.notes).toBeUndefined();
  });

  test.each([
    ['an unknown experiment', { checkpoint: 'nobody' }, 404],
    ['a step that is not kept', { checkpoint: 'toy@3' }, 404],
    ['no prompt', { prompts: [] }, 400],
    ['65 prompts', { prompts: Array(65).fill('x') }, 400],
    ['a size that the patches do not fill', { width: 20 }, 422],
    ['a pose, for a model without', { pose: Array(133).fill([0, 0, 1]) }, 422],
    ['poses, for a model without', { poses: Array(2).fill(Array(133).fill([0, 0, 1])) }, 422],
    ['one pose for two prompts', { poses: [Array(133).fill([0, 0, 1])] }, 400],
    [
      'one pose for all beside one for each',
      { pose: Array(133).fill([0, 0, 1]), poses: Array(2).fill(Array(133).fill([0, 0, 1])) },
      400,
    ],
    ['an unknown key', { prompt: 'x' }, 400],
    ['no engine', { engine: undefined }, 400],
  ])('refuses %s', async (_, given, status) => {
    expect(await problemOf(given)).toMatchObject({ status });
  });

  test.each(['micro_batch', 'gradient_checkpointing'])(
    'refuses an engine with %s, and tells where the key belongs',
    async key => {
      const { message } = await problemOf({ engine: { ...ENGINE, [key]: 1 } });
      expect(message).toContain(`/engine: ${key} does not belong to an engine: train-chunk takes it as plan.${key}`);
    },
  );

  test('refuses an unknown engine, naming the nearest', async () => {
    const { message } = await problemOf({ engine: { ...ENGINE, name: 'onnxruntime' } });
    expect(message).toContain('unknown engine "onnxruntime"; did you mean "onnxruntime/cpu"?');
  });

  test('refuses a reference that is no picture', async () => {
    const reference = (await lab.blobs.put(Buffer.from('a text'), 'image/png')).digest;
    expect(await problemOf({ reference })).toMatchObject({ status: 422 });
  });

  test('refuses an encoder that it does not know, by name', async () => {
    const conditions = { text: { encoder: 'of-mine', dim: 1024, tokens: 512 } };
    const dataset = (await readHead(lab.store, 'toy')).value.dataset;
    const document = JSON.parse(Buffer.from(await lab.blobs.get(dataset)).toString());
    document.encoders.text = { name: 'of-mine', dim: 1024, tokens: 512 };
    const other = (await lab.blobs.put(Buffer.from(JSON.stringify(document)))).digest;
    const head = (await readHead(lab.store, 'toy')).value;
    const config: { readonly [key: string]: Json } = JSON.parse(
      Buffer.from(await lab.blobs.get(head.config)).toString(),
    );
    const { run: _, ...keyed } = config;
    const model = { ...(keyed.model as object), conditions };
    const digest = (await lab.blobs.put(Buffer.from(JSON.stringify({ ...keyed, model })))).digest;
    const trained = await lab.executor.call('train-chunk', {
      config: digest,
      dataset: other,
      from: 0,
      to: 1,
      engine: ENGINE,
      plan: PLAN,
    });
    const checkpoint = trained.result.outputs.checkpoint?.digest;
    expect(await problemOf({ checkpoint })).toMatchObject({
      status: 422,
      message: 'there is no encoder "of-mine"',
    });
  });
});

test('preview makes an index of its pictures', async () => {
  const { result } = await lab.executor.call('preview', body);
  const index = await readPreviewIndex(lab.blobs, result.outputs.index?.digest as Digest);
  expect(index).toMatchObject({ steps: 2, guidance: 1.5, seed: 0, solver: 'euler', time_grid: 'uniform' });
  expect(index.pictures.map(({ prompt }) => prompt)).toEqual(body.prompts);
  expect(index.pictures[1]?.image).toEqual(result.outputs.image_001);
  // The same pixels as sample makes with the same seed. The text in the file names another action.
  const [previewed, sampled] = await Promise.all(
    [result.outputs, (await sample({})).outputs].map(({ image_000: image }) => lab.blobs.get(image?.digest as Digest)),
  );
  expect(await decodeRgb(previewed as Uint8Array)).toEqual(await decodeRgb(sampled as Uint8Array));
  expect(previewed).not.toEqual(sampled);
});

test('preview names the settings of the chosen methods in its index', async () => {
  const methods = { solver: 'heun', time_grid: 'shifted', shift: 2, guidance_method: 'dual_cfg', guidance_text: 4 };
  const { result } = await lab.executor.call('preview', { ...body, ...methods, guidance_interval: [0.1, 0.9] });
  const index = await readPreviewIndex(lab.blobs, result.outputs.index?.digest as Digest);
  const filled = { guidance_reference: 2.5, guidance_pose: 2.5 };
  expect(index).toMatchObject({ ...methods, ...filled, guidance_interval: [0.1, 0.9] });
});

test('preview refuses a setting of a method that is not chosen', async () => {
  const call = lab.executor.call('preview', { ...body, guidance_method: 'apg', zero_steps: 1 });
  await expect(call).rejects.toThrow(
    '/zero_steps: has no effect with guidance_method apg; it belongs to cfg_zero_star',
  );
});

test('an old index of previews, without a solver, is read with the solver euler', async () => {
  const { result } = await lab.executor.call('preview', body);
  const index = await readPreviewIndex(lab.blobs, result.outputs.index?.digest as Digest);
  const { solver: _, time_grid: __, guidance_method: ___, ...former } = index;
  const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(former)));
  expect(await readPreviewIndex(lab.blobs, digest)).toEqual(index);
});
