/** @file Completes and checks the losses of a config by the dataset that it is trained on. */
import { LOSS_SHAPES, ownOptions, parseLossOptions, requireLoss } from '../../configs/loss-options.ts';
import type { LossConfig } from '../../configs/losses.ts';
import { type RepaColumn, type RepaOptions, resolveRepa } from '../../configs/repa.ts';
import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Dataset } from '../../storage/records.ts';
import { offeredConditions } from './dataset-signals.ts';
import type { PictureSize } from './training-size.ts';

type LossInputs = Pick<Config, 'model' | 'objective' | 'optimizer'>;

/** What a loss is checked against. */
interface LossSite {
  readonly config: LossInputs;
  readonly dataset: Dataset;
  /** Of the training pictures. */
  readonly sizes: readonly PictureSize[];
  readonly path: string;
}

/**
 * The losses with what they leave to the dataset. Without losses, nothing.
 * @throws Unprocessable for an unknown loss, a key or value that it does not take, a column that the dataset does not
 * have, and grids that do not match.
 */
export function completeLosses(
  config: LossInputs,
  dataset: Dataset,
  sizes: readonly PictureSize[],
): LossInputs['objective']['losses'] {
  const { losses } = config.objective;
  if (losses === undefined) return undefined;
  const completed = Object.entries(losses).map(([name, loss]) => {
    const path = `objective.losses.${name}`;
    const shape = requireLoss(LOSS_SHAPES, name);
    if (shape !== LOSS_SHAPES.repa || loss.weight === 0) {
      parseLossOptions(shape, ownOptions(loss), path);
      return [name, loss] as const;
    }
    return [name, completeRepa(loss, { config, dataset, sizes, path })] as const;
  });
  return Object.fromEntries(completed);
}

/** @throws Unprocessable when the dataset has another column than a loss of the config reads. */
export function checkLossColumns({ objective }: Pick<Config, 'objective'>, dataset: Dataset): void {
  const { repa } = objective.losses ?? {};
  if (repa === undefined || repa.weight === 0) return;
  const path = 'objective.losses.repa';
  const options = parseLossOptions(LOSS_SHAPES.repa, ownOptions(repa), path);
  if (options.teacher === 'patches') findColumn(options, dataset, path);
}

function completeRepa(loss: LossConfig, { config, dataset, sizes, path }: LossSite): LossConfig {
  const options = parseLossOptions(LOSS_SHAPES.repa, ownOptions(loss), path);
  if (options.teacher === 'self') {
    resolveRepa(options, config, path);
    return loss;
  }
  const column = findColumn(options, dataset, path);
  resolveRepa({ ...options, column }, config, path);
  checkGrids(column, config.model.patch_size, sizes, path);
  return { ...loss, column };
}

/** The column as the dataset describes it. @throws Unprocessable if there is none, or another one than asked for. */
function findColumn({ column: asked }: RepaOptions, dataset: Dataset, path: string) {
  const offered = offeredConditions(dataset).patches;
  if (offered === undefined) {
    throw new Unprocessable(`${path}: the dataset has no column patches, the features that it aligns tokens with`, {
      expected: 'a dataset whose pictures are encoded, or teacher self, which needs no column',
      hint: `encode the dataset with an image encoder, or set ${path}.teacher to self`,
    });
  }
  const { norm: _, weights, ...sizes } = offered;
  const column = { ...sizes, ...(weights && { weights }) };
  if (asked === undefined || canonicalJson(asked) === canonicalJson(column)) return column;
  throw new Unprocessable(
    `${path}.column is ${canonicalJson(asked)}, the patches of the dataset are ${canonicalJson(column)}`,
    { expected: 'the column of the dataset', hint: `leave ${path}.column out` },
  );
}

/** @throws Unprocessable with both grids when the teacher's cells do not cover the pictures. */
function checkGrids({ stride }: RepaColumn, patch: number, sizes: readonly PictureSize[], path: string): void {
  const odd = sizes.find(({ width, height }) => width % stride !== 0 || height % stride !== 0);
  if (odd === undefined) return;
  const gridOf = (side: number, round = Math.floor) => `${round(odd.width / side)} x ${round(odd.height / side)}`;
  throw new Unprocessable(
    `${path}: in pictures of ${odd.width} x ${odd.height}, the teacher's grid of ${gridOf(stride)} cells of ${stride} ` +
      `pixels leaves pixels out, and does not match the grid of ${gridOf(patch)} tokens`,
    {
      expected: 'features whose stride divides both sides of all pictures',
      hint: `encode the dataset with another stride, or prepare the pictures with "quantum": ${stride}`,
    },
  );
}
