import { beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../../configs/schema.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
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
    expect(complete()).toBeUndefined();
  });

  it('repa gets the column of the dataset, and nothing else', () => {
    const repa = { weight: 0.5, until: 0.25 };
    expect(complete({ repa })).toEqual({ repa: { weight: 0.5, from: 0, until: 0.25, ramp: 0, column: COLUMN } });
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
    expect(complete(self)).toMatchObject(self);
    expect(complete({ repa: { weight: 0 } })).toMatchObject({ repa: { weight: 0 } });
    expect(() => complete({ repa: { weight: 0.5 } })).toThrow('repa: the dataset has no column patches');
  });
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
    [{ repa: { weight: 1, teacher: 'self', grid: 'tokens' } }, 'repa.grid has no meaning with teacher self'],
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
      "in pictures of 56 x 36, the teacher's grid of 7 x 4 cells of 8 pixels leaves pixels out, and does not match " +
        'the grid of 7 x 4 tokens',
    );
  });

  it('a chunk of a training is refused when the dataset has another column', () => {
    const config = configOf({ repa: { weight: 1, column: { ...COLUMN, stride: 4 } } });
    expect(() => checkLossColumns(config, dataset)).toThrow('the patches of the dataset are');
    expect(() => checkLossColumns(configOf({ repa: { weight: 1, column: COLUMN } }), dataset)).not.toThrow();
    expect(() => checkLossColumns(configOf(), dataset)).not.toThrow();
  });
});
