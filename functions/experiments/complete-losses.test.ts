import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../configs/schema.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { digestOf } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import { createTrainingLab, putToyDataset, TOY_CONFIG } from '../testing/training.ts';
import { checkLossColumns, completeLosses } from './complete-losses.ts';

const SIZES = [{ width: 64, height: 32 }];
const COLUMN = { encoder: 'dct', dim: 27, stride: 8 };

let dataset: Dataset;

beforeAll(async () => {
  const lab = createTrainingLab();
  dataset = await readDataset(lab.blobs, await putToyDataset(lab.blobs));
});

const configOf = (losses?: object) =>
  configSchema.parse({ ...TOY_CONFIG, model: { ...TOY_CONFIG.model, depth: 2 }, objective: losses && { losses } });

const complete = (losses?: object, sizes = SIZES) => completeLosses(configOf(losses), dataset, sizes);

describe('the losses of a new experiment', () => {
  it('a config without losses gets none', () => {
    expect(complete()).toEqual({});
  });

  it('repa gets the column of the dataset, and nothing else', () => {
    const repa = { weight: 0.5, until: 0.25 };
    const whole = { weight: 0.5, from: 0, until: 0.25, ramp: 0, column: COLUMN };
    expect(complete({ repa })).toEqual({ losses: { repa: whole } });
    expect(complete({ repa: { ...repa, column: COLUMN } })).toEqual(complete({ repa }));
  });

  it('repa with the teacher self, or with weight 0, needs no column', () => {
    const bare = {
      ...dataset,
      encoders: {},
      pages: dataset.pages.map(({ columns: { patches: _, ...columns }, ...page }) => ({ ...page, columns })),
    };
    const complete = (losses: object) => completeLosses(configOf(losses), bare, SIZES);
    const self = { repa: { weight: 0.5, teacher: 'self', block_index: 0 } };
    expect(complete(self)).toMatchObject({ losses: self });
    expect(complete({ repa: { weight: 0 } })).toMatchObject({ losses: { repa: { weight: 0 } } });
    expect(() => complete({ repa: { weight: 0.5 } })).toThrow('repa: the dataset has no column patches');
  });
});

it('features with stored targets take the weights that made the column', () => {
  const weights = { model: [digestOf('weights')] };
  const patches = { name: 'efficientnet-lite0', dim: 112, stride: 8, weights };
  const encoded = { ...dataset, encoders: { ...dataset.encoders, patches } };
  const config = configOf({ features: { weight: 0.1, target: 'patches' } });
  const { frozen, losses } = completeLosses(config, encoded, SIZES);
  expect(frozen).toEqual({ 'efficientnet-lite0': weights.model });
  expect(losses?.features?.column).toEqual({ encoder: 'efficientnet-lite0', dim: 112, stride: 8, weights });
  const objective = { ...config.objective, frozen: { 'efficientnet-lite0': [digestOf('others')] } };
  expect(() => completeLosses({ ...config, objective }, encoded, SIZES)).toThrow('has other weights than those');
});

describe('losses that are refused before a training starts', () => {
  it.each([
    [{ rapa: { weight: 1 } }, 'objective.losses.rapa: there is no such loss', 'did you mean repa?'],
    [{ flow_matching: { weight: 1, space: 'x' } }, 'unknown key objective.losses.flow_matching.space', undefined],
    [
      { repa: { weight: 0, blok_index: 1 } },
      'unknown key objective.losses.repa.blok_index (did you mean block_index?)',
    ],
    [{ repa: { weight: 1, loss_type: 'cosin' } }, 'objective.losses.repa.loss_type: expected one of "cosine", "mse"'],
    [{ repa: { weight: 1, block_index: 2 } }, 'objective.losses.repa.block_index: the model has no block 2'],
    [{ repa: { weight: 1, adapter: 'linear', adapter_width: 8 } }, 'a linear adapter has no inner width'],
    [{ repa: { weight: 1, t_gap: 0.5 } }, 'objective.losses.repa.t_gap has no meaning with teacher patches'],
    [
      { repa: { weight: 1, column: { ...COLUMN, dim: 26 } } },
      'objective.losses.repa.column is {"dim":26,"encoder":"dct","stride":8}, the patches of the dataset are ' +
        '{"dim":27,"encoder":"dct","stride":8}',
    ],
    [
      { lpips: { weight: 1, net: 'alex', max_side: 48 } },
      'lpips: pictures of 64 x 32 are compared at 32 x 16, too small for the net alex',
    ],
    [{ lpips: { weight: 1, t_min: 0.8 } }, 'no time lies between t_min 0.8 and t_max 0.7'],
    [{ repa: { weight: 1, teacher: 'self', grid: 'tokens' } }, 'repa.grid has no meaning with teacher self'],
    [{ features: { weight: 1, net: 'vgg' } }, 'objective.losses.features.net: expected "efficientnet-lite0"'],
    [{ features: { weight: 1, t_min: 0.8 } }, 'objective.losses.features: t_min 0.8 is above t_max 0.7'],
    [{ features: { weight: 1, column: COLUMN } }, 'features.column has no meaning with target computed'],
    [
      { features: { weight: 1, target: 'patches', max_side: 64 } },
      'features.max_side has no meaning with target patches',
    ],
    [{ features: { weight: 1, target: 'patches' } }, 'objective.losses.features: the column patches is of dct'],
    [{ repa: { weight: 1, teacher: 'self' } }, "the teacher's block 1 is not later than block 1"],
    [{ repa: { weight: 1, teacher: 'self', block_index: 0, ema: 1 } }, 'repa.ema: the training keeps no average 1'],
  ])('%j', (losses, message, hint?: string) => {
    let caught: { message: string; hint?: string } | undefined;
    try {
      complete(losses);
    } catch (error) {
      caught = error as typeof caught;
    }
    expect(caught?.message).toContain(message);
    if (hint !== undefined) expect(caught?.hint).toBe(hint);
  });

  it('features that leave pixels out are refused with both grids', () => {
    expect(() => complete({ repa: { weight: 1 } }, [...SIZES, { width: 56, height: 36 }])).toThrow(
      'in pictures of 56 x 36, the grid of 7 x 4 features of 8 pixels leaves pixels out, and does not match the grid ' +
        'of 7 x 4 tokens',
    );
  });

  it('features that a crop or a mirror cannot follow are refused', () => {
    const config = configOf({ repa: { weight: 1 } });
    const moved = { ...config, data: { ...config.data, crop_jitter: 4 } };
    expect(() => completeLosses(moved, dataset, SIZES)).toThrow('data.crop_jitter 4 would cut patches of 8 pixels');
  });

  it('a chunk of a training is refused when the dataset has another column', () => {
    const config = configOf({ repa: { weight: 1, column: { ...COLUMN, stride: 4 } } });
    expect(() => checkLossColumns(config, dataset)).toThrow('the patches of the dataset are');
    expect(() => checkLossColumns(configOf({ repa: { weight: 1, column: COLUMN } }), dataset)).not.toThrow();
    expect(() => checkLossColumns(configOf(), dataset)).not.toThrow();
  });
});
