import { describe, expect, test } from 'vitest';
import { InvalidInput, NotFound } from '../errors.ts';
import { canonicalDigest } from '../storage/canonical.ts';
import { parseConfig, parseConfigYaml } from './parse.ts';
import { listNames, readRecipe, readSize } from './preset-files.ts';
import { listPresets, loadPreset, overrideConfig, resolveConfig } from './presets.ts';
import { configSchema, keyedConfig } from './schema.ts';
import { editDistance } from './suggest.ts';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    return (error as InvalidInput).message;
  }
  throw new Error('nothing was thrown');
}

describe('presets', () => {
  test('every preset parses, and has only keys that the schema knows', async () => {
    const names = await listPresets();
    expect(names).toContain('tiny-b');
    for (const name of names) expect(await loadPreset(name)).toMatchObject({ v: 1 });
  });

  test('a preset of one name keeps the digest of its keyed config', async () => {
    const digests = await Promise.all(
      (await listNames('presets')).map(async name => [name, canonicalDigest(keyedConfig(await loadPreset(name)))]),
    );
    expect(Object.fromEntries(digests)).toMatchInlineSnapshot(`
      {
        "emoji": "sha256:d74252d07417e8bc2b69846dae1a76b8889b85720e3c52b6a2df7b7f9d80f1ea",
        "figures": "sha256:9a57898dbfe49d6a52d983a09ff1617cab1b23691a874b342223bf127fb5e828",
        "portraits": "sha256:b9ef436d866326237f9bb38a15543e181610da523ccea6bd3f9081a8bdbf80cc",
        "prod-0": "sha256:9b2bcc6d2c23de45f4395d3906ac13e57de13f13ddbb32fce31257f19055948c",
        "prod-1": "sha256:c7845ceae169d1f2c5cb5d0a1bf8ced13da2ec1ba5bb9c47362f3d12b9da5686",
        "prod-2": "sha256:52c53be5db16466ca198d8553538b28b972c8599fb481726a7778cd026e1dbe1",
        "seed-384": "sha256:9e5b56640cb973af9a8e4a2b8005205865f25808d9fd344b507ddef3b12424ab",
        "seed-768": "sha256:d60af8b53e903dc7191059b88c16a4e8649d6dcdd67eac307bee84ca00dc43e6",
        "tiny-b": "sha256:f9faaa7c4b16cba653caf8dcb9f8723a51e803b18ce90b04bee9d43cd21f296c",
      }
    `);
  });

  test('every recipe goes with every size', async () => {
    const [recipes, sizes] = [await listNames('recipes'), await listNames('sizes')];
    expect(recipes).toEqual(['best', 'seed', 'seed-literal']);
    expect(sizes).toHaveLength(11);
    for (const recipe of recipes) {
      for (const size of sizes) {
        const { model, data } = await loadPreset({ recipe, size });
        const { config } = await readSize(size);
        expect({ model, data }, `${recipe} at ${size}`).toMatchObject(config);
      }
    }
  });

  test('one axis of a preset has a default for the other, and its bare name means the same', async () => {
    const seed = await loadPreset({ recipe: 'seed', size: 'seed-768' });
    expect(seed).toMatchObject({ model: { arch: 'cross', hidden_size: 768 }, optimizer: { schedule: 'cosine' } });
    for (const same of ['seed', { recipe: 'seed' }, { size: 'seed-768' }]) expect(await loadPreset(same)).toEqual(seed);
    const small = await loadPreset({ recipe: 'best', size: 'small-a' });
    expect(await loadPreset({ size: 'small-a' })).toEqual(small);
    expect(await loadPreset('small-a')).toEqual(small);
    expect(await loadPreset('best')).toEqual(await loadPreset({ size: 'tiny-b' }));
  });

  test.each([
    [1024, 1024, 'seed-768'],
    [832, 1216, 'seed-768'],
    [768, 768, 'seed-768'],
    [512, 512, 'prod-0'],
    [256, 256, 'small-a'],
    [128, 96, 'tiny-b'],
    [64, 64, 'tiny-b'],
    [32, 32, 'tiny-a'],
    [16, 16, 'tiny-a'],
  ])('a recipe without a size takes the one for the pictures: %i x %i are for %s', async (width, height, size) => {
    const findPictures = async () => ({ width, height });
    const expected = await loadPreset({ recipe: 'seed', size });
    expect(await loadPreset('seed', findPictures)).toEqual(expected);
    expect(await resolveConfig({ preset: { recipe: 'seed' }, seed: 0 }, findPictures)).toEqual(expected);
  });

  test('pictures choose no size where one is named, or where the recipe has only one', async () => {
    const findPictures = () => Promise.reject(new Error('asked for'));
    for (const preset of ['best', 'seed-768', 'small-a', { recipe: 'seed', size: 'seed-384' }]) {
      expect(await loadPreset(preset, findPictures)).toEqual(await loadPreset(preset));
    }
  });

  test('a size states how large network and pictures are, and nothing else', async () => {
    for (const size of await listNames('sizes')) {
      const { config } = await readSize(size);
      const paths = Object.entries(config).flatMap(([section, keys]) =>
        Object.keys(keys ?? {}).map(key => `${section}.${key}`),
      );
      const own = ['model.hidden_size', 'model.depth', 'model.num_heads', 'model.patch_size', 'data.image_size'];
      expect(paths.filter(path => !own.includes(path))).toEqual([]);
    }
  });

  test('seed-literal differs from seed in the keys of its flaws alone', async () => {
    const { flaws } = await readRecipe('seed-literal');
    const changes = flaws.map(({ config }) => config);
    const literal = await resolveConfig({ preset: { recipe: 'seed-literal', size: 'tiny-b' } });
    const seed = await loadPreset({ recipe: 'seed', size: 'tiny-b' });
    expect(changes.reduce(overrideConfig, seed)).toEqual(literal);
    for (const change of changes) expect(overrideConfig(seed, change)).not.toEqual(seed);
  });

  test('the preset tiny-b has the default of every keyed section', async () => {
    expect(keyedConfig(await loadPreset('tiny-b'))).toEqual(keyedConfig(configSchema.parse({})));
  });

  test('the preset portraits trains text alone in at least 80 % of the samples', async () => {
    const { cfg_dropout: p } = (await loadPreset('portraits')).objective;
    expect(p.p_text_only).toBeGreaterThanOrEqual(0.8);
    expect((p.p_dino_cls_only ?? 0) + (p.p_dino_patches_only ?? 0)).toBeGreaterThan(0);
  });

  test('overrides are merged into a preset: objects key by key, lists as a whole', async () => {
    const config = await resolveConfig({
      preset: 'portraits',
      optimizer: { total_samples: 640 },
      run: { preview: { prompts: ['x'] } },
    });
    expect(config.optimizer.total_samples).toBe(640);
    expect(config.optimizer.learning_rate).toBe(5.6e-3);
    expect(config.run.preview.prompts).toEqual(['x']);
    expect(config.objective.cfg_dropout.p_text_only).toBe(0.82);
  });

  test('an unknown preset is refused with the known names', async () => {
    await expect(resolveConfig('tiny-c')).rejects.toThrow(NotFound);
    await expect(resolveConfig({ preset: 'tiny-c' })).rejects.toMatchObject({ hint: 'did you mean tiny-a?' });
    await expect(resolveConfig({ preset: '../schema' })).rejects.toThrow(NotFound);
    for (const preset of [3, {}, [], null, { recipe: 'seed', width: 3 }]) {
      await expect(resolveConfig({ preset })).rejects.toThrow(InvalidInput);
    }
    await expect(resolveConfig({ preset: { recipe: 'sede' } })).rejects.toMatchObject({
      message: 'there is no recipe "sede"',
      hint: 'did you mean seed?',
    });
    await expect(resolveConfig({ preset: { size: 'prod-3' } })).rejects.toMatchObject({
      message: 'there is no size "prod-3"',
      hint: 'did you mean prod-0?',
    });
  });
});

describe('parseConfig', () => {
  test('an unknown key of a config is refused with the nearest known key', () => {
    expect(messageOf(() => parseConfig({ model: { hiden_size: 32 } }))).toContain(
      'unknown key model.hiden_size (did you mean model.hidden_size?)',
    );
    expect(messageOf(() => parseConfig({ optimiser: {} }))).toContain(
      'unknown key optimiser (did you mean optimizer?)',
    );
    expect(messageOf(() => parseConfig({ optimizer: { muon: { momentun: 1 } } }))).toContain(
      'did you mean optimizer.muon.momentum?',
    );
  });

  test('an unknown key of a config that resembles no known key is refused with the list of known keys', () => {
    expect(messageOf(() => parseConfig({ data: { zzzzzzzzzz: 1 } }))).toContain('known: batch_size');
  });

  test('every mistake of a config is listed with its path', () => {
    const message = messageOf(() => parseConfig({ seed: -1, model: { hidden_size: 'big' }, run: { kep: 1 } }));
    expect(message).toContain('seed:');
    expect(message).toContain('model.hidden_size:');
    expect(message).toContain('did you mean run.keep?');
  });

  test('a key __proto__ of a config is refused as unknown at any depth, also in a record and over a preset', async () => {
    const ownKey = (text: string): Record<string, unknown> => JSON.parse(text);
    for (const [text, path] of [
      ['{"__proto__":{"seed":9}}', '__proto__'],
      ['{"objective":{"__proto__":{"t_clamp":0.5}}}', 'objective.__proto__'],
      ['{"objective":{"losses":{"__proto__":{"weight":1}}}}', 'objective.losses.__proto__'],
    ] as const) {
      const said = `unknown key ${path} (`;
      expect(messageOf(() => parseConfig(ownKey(text)))).toContain(said);
      expect(messageOf(() => overrideConfig(configSchema.parse({}), ownKey(text)))).toContain(said);
      await expect(resolveConfig({ preset: 'tiny-b', ...ownKey(text) })).rejects.toThrow(said);
    }
  });

  test('a wrong value or a wrong key of a record in a config is described in plain words', () => {
    expect(messageOf(() => parseConfig({ model: { arch: 'jointt' } }))).toBe(
      'config: model.arch: expected one of "joint", "cross", got "jointt"; did you mean "joint"?',
    );
    expect(messageOf(() => parseConfig({ objective: { losses: { 'A b': { weight: 1 } } } }))).toBe(
      'config: objective.losses.A b: expected a name of a-z, 0-9 and _',
    );
    expect(messageOf(() => parseConfig({ objective: { losses: { mse: {} } } }))).toBe(
      'config: objective.losses.mse.weight: is missing',
    );
    expect(messageOf(() => parseConfig([]))).toBe('config: the config: expected an object, got an array');
  });

  test('relations between keys of a config are checked', () => {
    expect(messageOf(() => parseConfig({ model: { hidden_size: 100, num_heads: 3 } }))).toContain('model.num_heads');
    const patches = { encoder: 'dct', dim: 27, stride: 16 };
    const coarse = (arch: string) => ({ model: { arch, patch_size: 8, conditions: { patches } } });
    expect(messageOf(() => parseConfig(coarse('joint')))).toContain('model.patch_size: must be a multiple of');
    expect(parseConfig(coarse('cross')).model.arch).toBe('cross');
    expect(messageOf(() => parseConfig({ objective: { cfg_dropout: { p_uncond: 0.9, p_text_only: 0.9 } } }))).toContain(
      'sum to at most 1',
    );
  });

  test('too many tokens are told with figures beside the keys that do not go with such patches', async () => {
    const small = { preset: 'prod-1', model: { patch_size: 2 } };
    const figures = /patches of 2 pixels in pictures of 1024 x 1024 are 262,144 tokens, .*16,384; .* 4,096 tokens/;
    await expect(resolveConfig(small)).rejects.toThrow(/patch_overlap must be at most half/);
    await expect(resolveConfig(small)).rejects.toThrow(figures);
    const few = { ...small, data: { image_size: { width: 128, height: 128 } } };
    await expect(resolveConfig(few)).rejects.not.toThrow('tokens');
  });

  test('a mistake in YAML is reported with line and column; so is a key that occurs twice', () => {
    expect(messageOf(() => parseConfigYaml('seed: 1\nseed: 2\n', 'mine.yaml'))).toMatch(/^mine\.yaml: .*line 2/);
    expect(messageOf(() => parseConfigYaml('seed: [1\n', 'mine.yaml'))).toMatch(/^mine\.yaml: /);
    expect(parseConfigYaml('seed: 7\n').seed).toBe(7);
  });
});

test('editDistance counts insertions, deletions and substitutions', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('same', 'same')).toBe(0);
});
