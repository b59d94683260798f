import { describe, expect, it } from 'vitest';
import { matchesAny } from '../../configs/name-patterns.ts';
import { samplingSchema } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { isLora, loraNames, mergeLora } from '../model/lora.ts';
import { Sampler } from '../sampling/sampler.ts';
import type { TrainingTensors } from './load-state.ts';
import { createMemorySource } from './source.ts';
import { roughStart } from './testing/rough-start.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type Progress, Trainer } from './trainer.ts';

const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));
const LORA = { rank: 2, alpha: 4 };

interface Resumed {
  readonly tensors: TrainingTensors;
  readonly progress: Progress;
}

async function train(config: KeyedConfig, steps: number, start?: TrainingTensors['model'], from?: Resumed) {
  const progress = from?.progress ?? EMPTY_PROGRESS;
  const options = start ? { start } : {};
  const source = createMemorySource(tinyItems());
  const trainer = new Trainer(engine, config, source, 4, progress, from?.tensors, options);
  for (let i = 0; i < steps; i++) await trainer.step();
  const done = { tensors: await trainer.tensors(), progress: trainer.progress, fixed: trainer.fixed };
  await trainer.dispose();
  return done;
}

/** Weights that are nowhere zero, as of a training that has gone on for a while. */
const trainedWeights = async (config = tinyConfig()): Promise<TrainingTensors['model']> =>
  (await roughStart(config)).model;

describe('optimizer.freeze', () => {
  const freeze = ['blocks.0.*', 'time.*'];
  const config = tinyConfig({ optimizer: { freeze } });

  it('leaves every bit of the parameters that it names, and trains all others', async () => {
    const start = await trainedWeights();
    const { tensors, fixed } = await train(config, 3, start);
    for (const [name, { data }] of Object.entries(tensors.model)) {
      const isFrozen = matchesAny(freeze, name);
      expect(fixed.has(name), name).toBe(isFrozen);
      expect(isEqual(data, start[name]?.data), name).toBe(isFrozen);
    }
  });

  it('keeps no moments and no averages of them', async () => {
    const { tensors } = await train(config, 0);
    const kept = [...Object.keys(tensors.optimizer), ...Object.keys(tensors.ema)];
    expect(kept.filter(name => freeze.some(pattern => matchesAny([`*.${pattern}`], name)))).toEqual([]);
    expect(kept.length).toBeGreaterThan(10);
  });

  it('names a pattern that matches nothing, with the nearest name', async () => {
    await expect(train(tinyConfig({ optimizer: { freeze: ['tiem.in'] } }), 0)).rejects.toMatchObject({
      message: 'optimizer.freeze: no parameter is named "tiem.in"',
      expected: expect.stringContaining('"time.in"'),
    });
  });

  it('refuses to leave nothing to train', async () => {
    await expect(train(tinyConfig({ optimizer: { freeze: ['*'] } }), 0)).rejects.toThrow(
      'leaves no parameter to train',
    );
  });
});

describe('model.lora', () => {
  const config = tinyConfig({ model: { lora: LORA } });

  it('begins as the model without adapters', async () => {
    const start = await trainedWeights();
    const adapted = (await train(config, 0, start)).tensors.model;
    expect(await picture(config, adapted)).toEqual(await picture(tinyConfig(), start));
  });

  it('trains adapters alone', async () => {
    const start = await trainedWeights();
    const { tensors, fixed } = await train(config, 3, start);
    for (const [name, { data }] of Object.entries(tensors.model)) {
      expect(fixed.has(name), name).toBe(!isLora(name));
      if (fixed.has(name)) expect(isEqual(data, start[name]?.data)).toBe(true);
      else
        expect(
          data.some(x => x !== 0),
          name,
        ).toBe(true);
    }
    const ofBlock = [...Object.keys(tensors.model)].filter(name => name.startsWith('blocks.0.') && isLora(name));
    expect(ofBlock.length).toBeGreaterThan(8);
  });

  it('computes after the merge what it computes with adapters', async () => {
    const { model } = (await train(config, 5, await trainedWeights())).tensors;
    const merged = mergeLora(model, config.model.lora ?? LORA);
    expect(Object.keys(merged).some(isLora)).toBe(false);
    const name = 'blocks.0.mlp.up';
    expect(merged[name]?.data).not.toEqual(model[name]?.data);
    const [one, other] = [await picture(config, model), await picture(tinyConfig(), merged)];
    expect(largestDifference(one, other)).toBeLessThanOrEqual(1);
    expect(largestDifference(one, await picture(tinyConfig(), await trainedWeights()))).toBeGreaterThan(1);
  });

  it('has the gradient of the product: B learns first, A when B is no longer zero', async () => {
    const once = (await train(config, 1, await trainedWeights())).tensors.model;
    const fresh = (await train(config, 0, await trainedWeights())).tensors.model;
    const { down, up } = loraNames('blocks.0.mlp.up');
    expect(once[down]?.data).toEqual(fresh[down]?.data);
    expect(once[up]?.data).not.toEqual(fresh[up]?.data);
  });

  it('goes on from its checkpoint to the bit', async () => {
    const start = await trainedWeights();
    const whole = await train(config, 4, start);
    const parted = await train(config, 2, undefined, await train(config, 2, start));
    expect(parted.tensors).toEqual(whole.tensors);
  });

  it('names a target that is no matrix', async () => {
    const wrong = tinyConfig({ model: { lora: { ...LORA, targets: ['blocks.*.mlp.upp'] } } });
    await expect(train(wrong, 0)).rejects.toMatchObject({
      message: 'model.lora.targets: no matrix that can have an adapter is named "blocks.*.mlp.upp"',
    });
  });

  it('trains everything together with freeze: []', async () => {
    const { fixed } = await train(tinyConfig({ model: { lora: LORA }, optimizer: { freeze: [] } }), 0);
    expect(fixed.size).toBe(0);
  });
});

describe('init_from', () => {
  const config = { ...tinyConfig(), init_from: { checkpoint: `sha256:${'0'.repeat(64)}`, weights: 'ema' as const } };

  it('takes over each parameter, and draws those that the other training lacks', async () => {
    const { 'blocks.0.mlp.up': lacking, ...start } = await trainedWeights();
    const { model, ema } = (await train(config, 0, start)).tensors;
    expect(model['time.in']).toEqual(start['time.in']);
    expect(ema['0.time.in']).toEqual(start['time.in']);
    expect(model['blocks.0.mlp.up']).toEqual((await train(tinyConfig(), 0)).tensors.model['blocks.0.mlp.up']);
    expect(model['blocks.0.mlp.up']).not.toEqual(lacking);
  });

  it('keeps the drawn rows of a longer text', async () => {
    const text = { encoder: 'words', dim: 6, tokens: 8 };
    const longer = { ...tinyConfig({ model: { conditions: { text } } }), init_from: config.init_from };
    const start = await trainedWeights(tinyConfig({ model: { conditions: { text: { ...text, tokens: 4 } } } }));
    const drawn = (await train({ ...longer, init_from: undefined }, 0)).tensors.model['text.position'];
    const position = (await train(longer, 0, start)).tensors.model['text.position'];
    const [, width = 0] = position?.shape ?? [];
    expect(position?.shape).toEqual([8, width]);
    expect([...(position?.data ?? [])]).toEqual([
      ...(start['text.position']?.data ?? []),
      ...(drawn?.data.subarray(4 * width) ?? []),
    ]);
  });

  it('draws what init_from.fresh names, and refuses another shape', async () => {
    const start = {
      ...(await trainedWeights()),
      'time.in': { shape: [2], dtype: 'f32', data: new Float32Array(2) },
    } as const;
    await expect(train(config, 0, start)).rejects.toMatchObject({
      message: 'init_from: the checkpoint has time.in as f32[2]',
      hint: expect.stringContaining('init_from.fresh: ["time.in"]'),
    });
    const fresh = { ...config, init_from: { ...config.init_from, fresh: ['time.in'] } };
    const { model } = (await train(fresh, 0, start)).tensors;
    expect(model['time.in']).toEqual((await train(tinyConfig(), 0)).tensors.model['time.in']);
    const nothing = { ...config, init_from: { ...config.init_from, fresh: ['*'] } };
    await expect(train(nothing, 0, start)).rejects.toThrow('no parameter that this training takes over');
  });
});

async function picture(config: KeyedConfig, weights: TrainingTensors['model']): Promise<Uint8Array> {
  const sampler = new Sampler(engine, config, weights);
  const text = { shape: [1, 2, 6], dtype: 'f32' as const, data: new Float32Array(12).fill(0.5) };
  const settings = samplingSchema.parse({ steps: 2, guidance: 1 });
  const pixels = await sampler.sample({ ...settings, conditions: { text }, height: 16, width: 16, first: 0 });
  await sampler.dispose();
  return pixels;
}

/** Bit for bit, and -0 is not 0. */
function isEqual(one: ArrayLike<number>, other: ArrayLike<number> = []): boolean {
  return one.length === other.length && Array.from(one).every((x, i) => Object.is(x, other[i]));
}

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((largest, x, i) => Math.max(largest, Math.abs(x - (b[i] ?? 0))), 0);
}
