import { describe, expect, it } from 'vitest';
import { samplingSchema } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { Engine } from '../compiler/engine.ts';
import { graphInputs } from '../compiler/graph.ts';
import { emptyTensor, type Tensor } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { roughStart } from '../training/testing/rough-start.ts';
import { tinyConfig, tinySource } from '../training/testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from '../training/trainer.ts';
import { type SampleConditions, type SampleRequest, Sampler } from './sampler.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });

async function openSampler(config: KeyedConfig, steps = 30): Promise<Sampler> {
  const trainer = new Trainer(engine, config, tinySource(), 4, EMPTY_PROGRESS);
  for (let i = 0; i < steps; i++) await trainer.step();
  const { model } = await trainer.tensors();
  await trainer.dispose();
  return new Sampler(engine, config, model);
}

/** Texts of 3 and 5 tokens, padded to `width`. */
function texts(width = 8): SampleConditions {
  const text = emptyTensor({ shape: [2, width, 6], dtype: 'f32' });
  const mask = emptyTensor({ shape: [2, width], dtype: 'f32' });
  for (const [row, tokens] of [3, 5].entries()) {
    const random = new RandomStream(row, 'sample');
    for (let i = 0; i < tokens * 6; i++) text.data[row * width * 6 + i] = random.normal();
    mask.data.fill(1, row * width, row * width + tokens);
  }
  return { text, text_mask: mask };
}

function rowOf(conditions: SampleConditions, row: number): SampleConditions {
  const cut = (tensor: Tensor): Tensor => {
    const size = tensor.data.length / 2;
    return { ...tensor, shape: [1, ...tensor.shape.slice(1)], data: tensor.data.slice(row * size, (row + 1) * size) };
  };
  return Object.fromEntries(Object.entries(conditions).map(([name, tensor]) => [name, cut(tensor)]));
}

const base: Omit<SampleRequest, 'conditions'> = {
  ...samplingSchema.parse({ steps: 4, seed: 3 }),
  height: 16,
  width: 16,
  first: 0,
};

/** Grey levels by which two lists of pixels differ at the most. */
function largestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? 0))), 0);
}

describe.each(['joint', 'cross'] as const)('Sampler, arch %s', async arch => {
  const sampler = await openSampler(tinyConfig({ model: { arch } }));

  it('makes the same pictures of the same request, others of another seed or text', async () => {
    const pixels = await sampler.sample({ ...base, conditions: texts() });
    expect(pixels.length).toBe(2 * 16 * 16 * 3);
    expect(await sampler.sample({ ...base, conditions: texts() })).toEqual(pixels);
    expect(await sampler.sample({ ...base, seed: 4, conditions: texts() })).not.toEqual(pixels);
    expect(await sampler.sample({ ...base, conditions: rowOf(texts(), 1) })).not.toEqual(pixels.slice(0, 768));
  });

  it('makes the same picture of a row alone as among others, with the noise of its place', async () => {
    const both = await sampler.sample({ ...base, conditions: texts() });
    for (const row of [0, 1]) {
      const alone = await sampler.sample({ ...base, first: row, conditions: rowOf(texts(), row) });
      expect(largestDifference(alone, both.slice(row * 768, (row + 1) * 768))).toBeLessThanOrEqual(1);
    }
  });

  it('takes the noise that is named for each picture, and counts pictures without conditions by it', async () => {
    const both = await sampler.sample({ ...base, first: 4, conditions: texts() });
    const named = await sampler.sample({ ...base, noise: [4, 5], conditions: texts() });
    expect(named).toEqual(both);
    const free = await sampler.sample({ ...base, noise: [5, 7, 4], conditions: {} });
    expect(free).toHaveLength(3 * 768);
    const alone = await sampler.sample({ ...base, noise: [7], conditions: {} });
    expect(largestDifference(alone, free.slice(768, 2 * 768))).toBeLessThanOrEqual(1);
    expect(largestDifference(free.slice(0, 768), free.slice(2 * 768))).toBeGreaterThan(1);
    await expect(sampler.sample({ ...base, noise: [1], conditions: texts() })).rejects.toThrow('1 numbers of noise');
  });

  it('makes the same pictures however far texts are padded', async () => {
    const padded = await sampler.sample({ ...base, conditions: texts(8) });
    expect(await sampler.sample({ ...base, conditions: texts(5) })).toEqual(padded);
  });

  it('leads pictures away from the negative text', async () => {
    const { text, text_mask } = texts();
    if (!text || !text_mask) throw new Error('texts have both');
    const plain = await sampler.sample({ ...base, conditions: texts() });
    const against = await sampler.sample({
      ...base,
      conditions: { ...texts(), negative_text: text, negative_text_mask: text_mask },
    });
    expect(against).not.toEqual(plain);
    // Guidance away from the text itself is no guidance.
    const none = await sampler.sample({ ...base, guidance: 1, conditions: texts() });
    expect(largestDifference(against, none)).toBeLessThanOrEqual(1);
  });

  it('refuses sizes that do not divide into patches, and requests without conditions', async () => {
    await expect(sampler.sample({ ...base, width: 18, conditions: texts() })).rejects.toThrow(
      '18 x 16 pixels do not divide',
    );
    await expect(sampler.sample({ ...base, conditions: {} })).rejects.toThrow('no condition');
  });
});

describe('Sampler, conditions of each term of the guidance', async () => {
  const sampler = await openSampler(tinyConfig());
  const random = new RandomStream(9, 'sample');
  const draw = (shape: readonly number[]): Tensor => {
    const tensor = emptyTensor({ shape, dtype: 'f32' });
    for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = random.uniform();
    return tensor;
  };
  const reference = { cls: draw([2, 5]), patches: draw([2, 4, 4, 3]) };
  const pose = { pose: draw([2, 133, 3]) };
  const { text, text_mask } = texts();
  if (!text || !text_mask) throw new Error('texts have both');
  const negative = { negative_text: rowsSwapped(text), negative_text_mask: rowsSwapped(text_mask) };
  const all = { ...texts(), ...reference, ...pose };

  /** Dual guidance with these scales; the others are 0. */
  const dual = (conditions: SampleConditions, scales: Partial<SampleRequest>) =>
    sampler.sample({
      ...base,
      guidance_method: 'dual_cfg',
      guidance_text: 0,
      guidance_reference: 0,
      guidance_pose: 0,
      ...scales,
      conditions,
    });

  it.each([
    ['text', { guidance_text: 2.5 }, texts()],
    ['reference', { guidance_reference: 2.5 }, reference],
    ['pose', { guidance_pose: 2.5 }, pose],
  ])('the %s alone is guided as by cfg', async (_, scales, alone) => {
    const pixels = await dual(all, scales);
    expect(largestDifference(pixels, await sampler.sample({ ...base, guidance: 2.5, conditions: alone }))).toBe(0);
    expect(pixels).not.toEqual(await sampler.sample({ ...base, guidance: 2.5, conditions: all }));
  });

  it('the text is guided away from the negative text, and a reference or a pose is added to it', async () => {
    const away = await sampler.sample({ ...base, guidance: 2.5, conditions: { ...texts(), ...negative } });
    expect(largestDifference(await dual({ ...all, ...negative }, { guidance_text: 2.5 }), away)).toBe(0);
    const unlike = { text: negative.negative_text, text_mask: negative.negative_text_mask };
    for (const [scales, added] of [
      [{ guidance_reference: 1 }, reference],
      [{ guidance_pose: 1 }, pose],
    ] as const) {
      const beside = await sampler.sample({ ...base, guidance: 1, conditions: { ...unlike, ...added } });
      expect(largestDifference(await dual({ ...all, ...negative }, scales), beside)).toBeLessThanOrEqual(1);
    }
  });

  it('cfg_zero_star and apg are guided away from the negative text', async () => {
    for (const guidance_method of ['cfg_zero_star', 'apg'] as const) {
      const request = { ...base, guidance: 3, guidance_method, zero_steps: 0 };
      const plain = await sampler.sample({ ...request, conditions: texts() });
      expect(await sampler.sample({ ...request, conditions: { ...texts(), ...negative } })).not.toEqual(plain);
      const itself = { negative_text: text, negative_text_mask: text_mask };
      const none = await sampler.sample({ ...base, guidance: 1, conditions: texts() });
      const unguided = await sampler.sample({ ...request, conditions: { ...texts(), ...itself } });
      expect(largestDifference(unguided, none)).toBeLessThanOrEqual(1);
    }
  });
});

/** The second of two rows first. */
function rowsSwapped(tensor: Tensor): Tensor {
  const swapped = emptyTensor(tensor);
  const row = tensor.data.length / 2;
  swapped.data.set(tensor.data.subarray(row), 0);
  swapped.data.set(tensor.data.subarray(0, row), row);
  return swapped;
}

it('the sampler keeps few programs of the network and of its context, those that it used last', async () => {
  const events: string[] = [];
  const watched: Engine = {
    ...engine,
    async compile(graph) {
      const executable = await engine.compile(graph);
      const inputs = graphInputs(graph);
      const { shape: [batch] = [] } = inputs.get('z') ?? inputs.get('keep_text') ?? {};
      events.push(`compile ${batch}`);
      return {
        ...executable,
        run: (state, inputs) => executable.run(state, inputs),
        dispose() {
          events.push(`dispose ${batch}`);
          return executable.dispose();
        },
      };
    },
  };
  const config = tinyConfig({ model: { depth: 1 } });
  const trainer = new Trainer(engine, config, tinySource(), 4, EMPTY_PROGRESS);
  const sampler = new Sampler(watched, config, (await trainer.tensors()).model);
  await trainer.dispose();
  const draw = async (count: number) => {
    const cls = emptyTensor({ shape: [count, 5], dtype: 'f32' });
    await sampler.sample({ ...base, steps: 1, conditions: { cls } });
  };
  for (let count = 1; count <= 8; count++) await draw(count);
  await draw(1);
  expect(events.filter(event => event.startsWith('dispose'))).toEqual([]);
  await draw(9);
  await draw(10);
  const twice = (names: readonly string[]) => names.flatMap(name => [name, name]);
  expect(events.slice(16).toSorted()).toEqual(twice(['compile 10', 'compile 9', 'dispose 2', 'dispose 3']));
  await draw(1);
  expect(events).toHaveLength(24);
  await sampler.dispose();
  expect(events.slice(24).toSorted()).toEqual(twice([1, 10, 4, 5, 6, 7, 8, 9].map(count => `dispose ${count}`)));
});

it('the sampler refuses sizes that the patch features do not fill', async () => {
  const patches = { encoder: 'dct', dim: 3, stride: 8 };
  const sampler = await openSampler(
    tinyConfig({ model: { arch: 'cross', conditions: { text: { encoder: 'words', dim: 6, tokens: 8 }, patches } } }),
    0,
  );
  await expect(sampler.sample({ ...base, width: 20, conditions: texts() })).rejects.toThrow('features every 8 pixels');
  expect(await sampler.sample({ ...base, width: 24, conditions: texts() })).toHaveLength(2 * 16 * 24 * 3);
});

describe('noise by size', async () => {
  const scaled = tinyConfig({ objective: { noise_scale: 2 } });
  const bySize = tinyConfig({ objective: { noise_reference_side: 8 } });
  const shifted = tinyConfig({ objective: { time_shift: 1, shift_reference_side: 4 } });
  const weightsOf = async (config: KeyedConfig) => {
    const trainer = new Trainer(engine, config, tinySource(), 4, EMPTY_PROGRESS);
    for (let i = 0; i < 5; i++) await trainer.step();
    const { model } = await trainer.tensors();
    await trainer.dispose();
    return model;
  };
  const weights = await weightsOf(scaled);
  const request = { ...base, conditions: texts() };
  const sampleWith = (config: KeyedConfig, changes: Partial<SampleRequest> = {}) =>
    new Sampler(engine, config, weights).sample({ ...request, ...changes });

  it('a scale that grows with the size trains and samples as that scale does', async () => {
    expect(await weightsOf(bySize)).toEqual(weights);
    expect(await sampleWith(bySize)).toEqual(await sampleWith(scaled));
    const larger = { height: 32, width: 32 };
    const doubled = tinyConfig({ objective: { noise_scale: 4 } });
    expect(await sampleWith(bySize, larger)).toEqual(await sampleWith(doubled, larger));
  });

  it('a training with shifted times samples on a grid with the shift of the size', async () => {
    const grid = { time_grid: 'shifted', shift: 4 } as const;
    const usual = tinyConfig();
    expect(await sampleWith(shifted)).toEqual(await sampleWith(usual, grid));
    expect(await sampleWith(shifted)).not.toEqual(await sampleWith(usual));
  });
});

describe('a model that was trained with a route', async () => {
  const config = tinyConfig({ model: { depth: 3 }, objective: { tread: { first_block: 1, last_block: 1 } } });
  const sampler = await openSampler(config);
  const request = { ...base, guidance_method: 'self_guidance' as const, conditions: texts() };

  it('is guided by its routed passes: with routes of its own for each picture, and the same in every run', async () => {
    const pixels = await sampler.sample(request);
    expect(await sampler.sample(request)).toEqual(pixels);
    const plain = await sampler.sample({ ...base, guidance: 1, conditions: texts() });
    expect(pixels).not.toEqual(plain);
    expect(await sampler.sample({ ...request, guidance_self: 1 })).toEqual(plain);
    const second = await sampler.sample({ ...request, first: 1, conditions: rowOf(texts(), 1) });
    expect(largestDifference(second, pixels.slice(768))).toBeLessThanOrEqual(1);
  });

  it('is guided at other sizes, and another model is not', async () => {
    expect(await sampler.sample({ ...request, width: 28, height: 4 })).toHaveLength(2 * 28 * 4 * 3);
    const other = await openSampler(tinyConfig({ model: { depth: 1 } }), 0);
    await expect(other.sample(request)).rejects.toThrow('needs a model that was trained with objective.tread');
  });
});

describe.each(['joint', 'cross'] as const)('sizes that no picture of the training has, arch %s', async arch => {
  const config = tinyConfig({ model: { arch, tokens_per_side: 4 } });
  const { model } = await roughStart(config);
  const samplers = [new Sampler(engine, config, model), new Sampler(createReferenceEngine(), config, model)];

  it.each([
    [4, 44],
    [44, 4],
    [12, 28],
  ])('%i x %i pixels are the same picture on the reference interpreter', async (height, width) => {
    const request = { ...base, steps: 2, height, width, conditions: texts() };
    const [pixels = expect.fail(), exact = expect.fail()] = await Promise.all(
      samplers.map(each => each.sample(request)),
    );
    expect(pixels).toHaveLength(2 * height * width * 3);
    expect(new Set(pixels).size).toBeGreaterThan(10);
    expect(largestDifference(pixels, exact)).toBeLessThanOrEqual(1);
  });

  it('a size off the grid is refused with the nearest one', async () => {
    const request = { ...base, height: 9, width: 47, conditions: texts() };
    await expect(samplers[0]?.sample(request)).rejects.toMatchObject({
      message: '47 x 9 pixels do not divide into patches of 4 pixels',
      expected: expect.stringContaining('48 x 8 is the nearest size'),
    });
  });
});

it('refuses pictures of weights that are not finite, which would be black', async () => {
  const trainer = new Trainer(engine, tinyConfig({}), tinySource(), 4, EMPTY_PROGRESS);
  const { model } = await trainer.tensors();
  await trainer.dispose();
  const weights = Object.fromEntries(
    Object.entries(model).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(() => Number.NaN) }]),
  );
  const sampler = new Sampler(engine, tinyConfig({}), weights as typeof model);
  const told = { status: 422, message: expect.stringContaining('not finite'), hint: expect.any(String) };
  await expect(sampler.sample({ ...base, conditions: texts() })).rejects.toMatchObject(told);
  await sampler.dispose();
});
