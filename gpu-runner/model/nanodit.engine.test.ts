import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../configs/schema.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import {
  type Feeds,
  openNet,
  randomFeeds,
  SIGNALS,
  specsOf,
  withFeed,
  withOther,
  without,
} from './testing/random-net.ts';

/** A picture's grid of patch features: [grey level, 0, 0] in each cell, as `dct` encodes a flat picture. */
const flat = (feeds: Feeds, grey: number): Feeds => withFeed(feeds, 'patches', (_, i) => (i % 3 === 0 ? grey : 0));

it.each(['joint', 'cross'] as const)(
  'two flat greys give different predictions when patches have no norm, arch %s',
  async arch => {
    const patches = { encoder: 'dct', dim: 3, stride: 4 };
    const differenceWith = async (norm: object) => {
      const { model } = tinyConfig({ model: { arch, conditions: { patches: { ...patches, ...norm } } } });
      const [predict, feeds] = [await openNet(model), randomFeeds(model)];
      const [dark, light] = [await predict(flat(feeds, -2)), await predict(flat(feeds, -0.5))];
      return Math.max(...dark.map((x, i) => Math.abs(x - (light[i] ?? Number.NaN))));
    };
    expect(await differenceWith({ norm: 'none' })).toBeGreaterThan(0.01);
    // With a norm only the sign of the one number is left. So it was before the key existed.
    expect(await differenceWith({ norm: 'rms' })).toBeLessThan(1e-4);
    expect(await differenceWith({})).toBe(await differenceWith({ norm: 'rms' }));
  },
);

it('a norm of CLS takes its scale out of the prediction', async () => {
  const differenceWith = async (norm: object) => {
    const { model } = tinyConfig({ model: { conditions: { cls: { encoder: 'any', dim: 5, ...norm } } } });
    const [predict, feeds] = [await openNet(model), randomFeeds(model)];
    const [small, large] = [await predict(feeds), await predict(withFeed(feeds, 'cls', x => 100 * x))];
    return Math.max(...small.map((x, i) => Math.abs(x - (large[i] ?? Number.NaN))));
  };
  expect(await differenceWith({ norm: 'rms' })).toBeLessThan(1e-3);
  expect(await differenceWith({ norm: 'none' })).toBeGreaterThan(0.1);
  expect(await differenceWith({})).toBe(await differenceWith({ norm: 'none' }));
});

it.each(['joint', 'cross'] as const)('at the trained size places are those of the tokens, arch %s', async arch => {
  const predictAt = async (sizes: object) => {
    const { model } = tinyConfig({ model: { arch, ...sizes } });
    return (await openNet(model))(randomFeeds(model));
  };
  const home = await predictAt({ tokens_per_side: 4 });
  expect(home).toEqual(await predictAt({}));
  expect(home).not.toEqual(await predictAt({ tokens_per_side: 6 }));
});

describe.each([
  ['joint', 'shared'],
  ['cross', 'shared'],
  ['joint', 'lowrank'],
] as const)('NanoDiT, arch %s, adaln %s', async (arch, form) => {
  const { model } = tinyConfig({ model: { arch, adaln: form } });
  const feeds = randomFeeds(model);
  const predict = await openNet(model);

  it.each(SIGNALS)(
    'the prediction depends on %s when it is kept, and on no bit of it when it is dropped',
    async signal => {
      expect(await predict(withOther(feeds, signal))).not.toEqual(await predict(feeds));
      const dropped = without(feeds, signal);
      expect(await predict(withOther(dropped, signal))).toEqual(await predict(dropped));
      expect(await predict(dropped)).not.toEqual(await predict(feeds));
    },
  );

  it('the prediction depends on no bit of any signal when all are dropped', async () => {
    const dropped = SIGNALS.reduce(without, feeds);
    const prediction = await predict(dropped);
    expect(prediction.every(Number.isFinite)).toBe(true);
    expect(await predict(SIGNALS.reduce(withOther, dropped))).toEqual(prediction);
  });

  it('masked text tokens and joints below the threshold do not change the prediction', async () => {
    const masked = withFeed(feeds, 'text', (x, i) => (i % 48 >= 30 ? x + 1 : x));
    expect(await predict(masked)).toEqual(await predict(feeds));
    const hidden = withFeed(feeds, 'pose', (x, i) => (i % 3 === 2 && i % 2 === 0 ? 0.01 : x));
    const moved = withFeed(hidden, 'pose', (x, i) => {
      const confidence = hidden.pose?.data[i - (i % 3) + 2] ?? 1;
      return i % 3 !== 2 && confidence === Math.fround(0.01) ? -x : x;
    });
    expect(await predict(moved)).toEqual(await predict(hidden));
  });

  it('a text without tokens counts as dropped, and so does a pose without a visible joint', async () => {
    const empty = withFeed(feeds, 'text_mask', () => 0);
    expect(await predict(empty)).toEqual(await predict(without(feeds, 'text')));
    const unseen = withFeed(feeds, 'pose', (x, i) => (i % 3 === 2 ? 0.01 : x));
    expect(await predict(unseen)).toEqual(await predict(without(feeds, 'pose')));
  });

  it('the prediction of a picture does not depend on its place in the batch', async () => {
    const both = await predict(feeds);
    const swapped = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        const half = tensor.data.length / 2;
        return [
          name,
          { ...tensor, data: Float32Array.from([...tensor.data.slice(half), ...tensor.data.slice(0, half)]) },
        ];
      }),
    );
    const back = await predict(swapped);
    const half = both.length / 2;
    expect([...back.slice(half), ...back.slice(0, half)]).toEqual([...both].map(x => expect.closeTo(x, 4)));
  });

  it.each(['full', form] as const)('the model works with every subset of the signals, adaln %s', async adaln => {
    const all = Object.entries(model.conditions ?? {});
    for (let subset = 0; subset < 2 ** all.length; subset++) {
      const chosen = all.filter((_, i) => (subset >> i) % 2 === 1);
      const part: ModelConfig = { ...model, adaln, depth: 1, conditions: Object.fromEntries(chosen) };
      const [run, given] = [await openNet(part), randomFeeds(part)];
      const names = chosen.map(([name]) => name);
      const predictions = [await run(given), await run(names.reduce(without, given))];
      expect(predictions.flatMap(prediction => [...prediction]).every(Number.isFinite), names.join()).toBe(true);
      if (chosen.length > 0) expect(predictions[0], names.join()).not.toEqual(predictions[1]);
    }
  });
});

describe('adaln lowrank', () => {
  const { model } = tinyConfig({ model: { adaln: 'lowrank' } });
  const adalnOf = (of: ModelConfig) => specsOf(of).filter(({ name }) => name.startsWith('blocks.1.adaln'));

  it('each block has two thin matrices and a bias, of rank 256 unless the config says otherwise', () => {
    const shapes = (of: ModelConfig) => adalnOf(of).map(({ name, shape }) => [name.slice('blocks.1.'.length), shape]);
    const formOf = (rank: number) => [
      ['adaln_down', [16, rank]],
      ['adaln_up', [rank, 6 * 16]],
      ['adaln_bias', [6 * 16]],
    ];
    expect(shapes(model)).toEqual(formOf(256));
    expect(shapes({ ...model, adaln_rank: 5 })).toEqual(formOf(5));
  });

  it('every block begins as the identity, and the first matrix is not 0, so that the second one gets gradients', () => {
    expect(adalnOf(model).map(({ std, mean }) => [std, mean])).toEqual([
      [0.25, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('arch cross', () => {
  const withSignals = (conditions: object) => tinyConfig({ model: { arch: 'cross', conditions } }).model;

  it('blocks have a third branch only when the model has a signal to attend to', () => {
    const text = { encoder: 'words', dim: 6, tokens: 8 };
    const sizeOf = (model: ModelConfig, name: string) => specsOf(model).find(spec => spec.name === name)?.shape;
    expect(sizeOf(withSignals({ text }), 'adaln')).toEqual([16, 9 * 16]);
    expect(sizeOf(withSignals({ text }), 'blocks.1.cross.q')).toEqual([16, 16]);
    expect(sizeOf(withSignals({}), 'adaln')).toEqual([16, 6 * 16]);
    expect(sizeOf(withSignals({}), 'blocks.1.cross.q')).toBeUndefined();
  });

  it('every block begins as the identity: its modulations start at 0', () => {
    const modulations = specsOf(withSignals({ cls: { encoder: 'dct', dim: 5 } })).filter(({ name }) =>
      name.includes('adaln'),
    );
    expect(modulations.map(({ name }) => name)).toContain('blocks.1.adaln_bias');
    expect(modulations.every(({ std, mean }) => std === 0 && mean === 0)).toBe(true);
  });

  it.each([2, 8, 16])('patch features every %i pixels fit image patches of 4 pixels', async stride => {
    const model = withSignals({ patches: { encoder: 'dct', dim: 3, stride } });
    const [predict, feeds] = [await openNet(model), randomFeeds(model)];
    const prediction = await predict(feeds);
    // The last feature changes the prediction, too.
    const last = (feeds.patches?.data.length ?? 0) - 1;
    expect(await predict(withFeed(feeds, 'patches', (x, i) => (i === last ? x + 1 : x)))).not.toEqual(prediction);
    const dropped = without(feeds, 'patches');
    expect(await predict(withOther(dropped, 'patches'))).toEqual(await predict(dropped));
  });

  it('the prediction depends on the place of a patch feature', async () => {
    const model = withSignals({ patches: { encoder: 'dct', dim: 3, stride: 4 } });
    const [predict, feeds] = [await openNet(model), randomFeeds(model)];
    const { patches } = feeds;
    // The 16 features of each picture in reverse order. Without places only rounding would differ.
    const placeOf = (i: number) => 48 * Math.floor(i / 48) + 45 - (i % 48) + 2 * (i % 3);
    const reversed = await predict(withFeed(feeds, 'patches', (_, i) => patches?.data[placeOf(i)] ?? Number.NaN));
    const prediction = await predict(feeds);
    expect(Math.max(...reversed.map((x, i) => Math.abs(x - (prediction[i] ?? Number.NaN))))).toBeGreaterThan(0.01);
  });
});
