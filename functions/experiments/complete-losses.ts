/** @file Completes and checks the losses of a config by the dataset that it is trained on. */
import { checkAugmentation } from '../../configs/check-augmentation.ts';
import { resolveTarget } from '../../configs/feature-loss.ts';
import { LOSS_SHAPES, parseLossOptions, requireLoss } from '../../configs/loss-options.ts';
import type { LossConfig } from '../../configs/losses.ts';
import { checkLpips } from '../../configs/lpips.ts';
import { resolveRepa } from '../../configs/repa.ts';
import type { Config } from '../../configs/schema.ts';
import { type PatchColumn, patchColumnSchema } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Dataset } from '../../storage/records.ts';
import { offeredConditions } from './dataset-signals.ts';
import type { PictureSize } from './training-size.ts';

type LossInputs = Pick<Config, 'model' | 'objective' | 'optimizer' | 'data'>;

/** What a loss is checked against. */
interface LossSite {
  readonly config: LossInputs;
  readonly dataset: Dataset;
  /** Of the training pictures. */
  readonly sizes: readonly PictureSize[];
  readonly path: string;
}

type Completed = Pick<Config['objective'], 'losses' | 'frozen'>;

/**
 * The losses and frozen nets with what they leave to the dataset. Without losses, nothing.
 * @throws Unprocessable for an unknown loss, a key or value that it does not take, a column that the dataset does not
 * have, and grids that do not match.
 */
export function completeLosses(config: LossInputs, dataset: Dataset, sizes: readonly PictureSize[]): Completed {
  const { losses, frozen } = config.objective;
  if (losses === undefined) return {};
  const completed = Object.entries(losses).map(([name, loss]) => {
    const path = `objective.losses.${name}`;
    parseLossOptions(requireLoss(LOSS_SHAPES, name), loss, path);
    const complete = loss.weight > 0 ? COMPLETE[name] : undefined;
    return [name, complete?.(loss, { config, dataset, sizes, path }) ?? { loss }] as const;
  });
  const nets = Object.assign({}, ...completed.map(([, { frozen: own }]) => own));
  return {
    losses: Object.fromEntries(completed.map(([name, { loss }]) => [name, loss])),
    ...((frozen || Object.keys(nets).length > 0) && { frozen: { ...nets, ...frozen } }),
  };
}

/** A loss with its choices made, and weights of the nets that it reads. */
interface CompletedLoss {
  readonly loss: LossConfig;
  readonly frozen?: Readonly<Record<string, string[]>>;
}

/** Losses that read columns of the dataset, choose by the model, or cannot have every size. */
const COMPLETE: Readonly<Record<string, (loss: LossConfig, site: LossSite) => CompletedLoss>> = {
  lpips(loss, { sizes, path }) {
    checkLpips(parseLossOptions(LOSS_SHAPES.lpips, loss, path), sizes, path);
    return { loss };
  },

  repa(loss, { config, dataset, sizes, path }) {
    const options = parseLossOptions(LOSS_SHAPES.repa, loss, path);
    if (options.teacher === 'self') {
      resolveRepa(options, config, path);
      return { loss };
    }
    const column = findColumn(options.column, dataset, path);
    resolveRepa({ ...options, column }, config, path);
    checkGrids(column, config, sizes, path);
    return { loss: { ...loss, column } };
  },

  features(loss, { config, dataset, sizes, path }) {
    const options = parseLossOptions(LOSS_SHAPES.features, loss, path);
    if (options.target === 'computed') {
      resolveTarget(options, path);
      return { loss };
    }
    const column = findColumn(options.column, dataset, path);
    resolveTarget({ ...options, column }, path);
    checkGrids(column, config, sizes, path);
    const weights = Object.values(column.weights ?? {}).flat();
    const named = config.objective.frozen?.[options.net] ?? weights;
    if (canonicalJson(named) === canonicalJson(weights))
      return { loss: { ...loss, column }, frozen: { [options.net]: named } };
    throw new Unprocessable(
      `objective.frozen.${options.net} has other weights than those that made the column patches`,
      {
        expected: weights.join(', '),
        hint: `leave objective.frozen.${options.net} out`,
      },
    );
  },
};

/** @throws Unprocessable when the dataset has another column than a loss of the config reads. */
export function checkLossColumns({ objective }: Pick<Config, 'objective'>, dataset: Dataset): void {
  for (const [name, loss] of Object.entries(objective.losses ?? {})) {
    const asked = patchColumnSchema.optional().parse(loss.column);
    if (loss.weight > 0 && asked !== undefined) findColumn(asked, dataset, `objective.losses.${name}`);
  }
}

/** The column as the dataset describes it. @throws Unprocessable if there is none, or another one than asked for. */
function findColumn(asked: PatchColumn | undefined, dataset: Dataset, path: string) {
  const offered = offeredConditions(dataset).patches;
  if (offered === undefined) {
    throw new Unprocessable(`${path}: the dataset has no column patches, the features that it reads`, {
      expected: 'a dataset whose pictures are encoded; repa with teacher self needs no column',
      hint: 'encode the dataset with an image encoder',
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

/**
 * @throws Unprocessable with both grids when the cells of features do not cover the pictures, and when they cannot
 * follow a varied picture.
 */
function checkGrids(
  column: PatchColumn,
  { model, data }: LossInputs,
  sizes: readonly PictureSize[],
  path: string,
): void {
  const { stride } = column;
  checkAugmentation({ ...data, condition_noise: undefined, caption_variants: undefined }, { patches: column });
  const odd = sizes.find(({ width, height }) => width % stride !== 0 || height % stride !== 0);
  if (odd === undefined) return;
  const gridOf = (side: number) => `${Math.floor(odd.width / side)} x ${Math.floor(odd.height / side)}`;
  throw new Unprocessable(
    `${path}: in pictures of ${odd.width} x ${odd.height}, the grid of ${gridOf(stride)} features of ${stride} pixels ` +
      `leaves pixels out, and does not match the grid of ${gridOf(model.patch_size)} tokens`,
    {
      expected: 'features whose stride divides both sides of all pictures',
      hint: `encode the dataset with another stride, or prepare the pictures with "quantum": ${stride}`,
    },
  );
}
