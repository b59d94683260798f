/** @file What a dataset offers to condition on, and whether it fits what a config asks for. */
import type { ObjectiveConfig } from '../../configs/objective.ts';
import { quantity } from '../../configs/quantity.ts';
import { type ColumnName, type Conditions, conditionsSchema, SIGNAL_NAMES, SIGNALS } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Dataset } from '../../storage/records.ts';

/** The signals that every page of the dataset has, with the encoders that made them. */
export function offeredConditions(dataset: Dataset): Conditions {
  const offered = SIGNAL_NAMES.flatMap(signal => {
    if (!hasColumn(dataset, signal)) return [];
    const { name, ...dims } = { ...dataset.encoders[signal] };
    const condition = SIGNALS[signal].condition.safeParse({ ...(name !== undefined && { encoder: name }), ...dims });
    return condition.success ? [[signal, condition.data] as const] : [];
  });
  return conditionsSchema.parse(Object.fromEntries(offered));
}

/**
 * Every signal that the config is conditioned on must be in the dataset, from the same encoder.
 * @throws Unprocessable naming the signal and both sides, or when the dataset has no pictures to train on, or none of
 * training size.
 */
export function checkSignals(conditions: Conditions | undefined, dataset: Dataset): void {
  if (dataset.pages.length === 0) throw new Unprocessable('the dataset is empty', { hint: 'import pictures first' });
  if (!hasColumn(dataset, 'image')) {
    throw new Unprocessable('the dataset has no image column', {
      expected: 'a dataset that went through bucket',
      hint: 'POST /functions/prepare makes every column',
    });
  }
  const { train, val = 0, test = 0 } = dataset.counts;
  if (train === 0) {
    throw new Unprocessable(`none of ${quantity(val + test, 'picture')} of the dataset is there to train on`, {
      expected: `pictures in the split train, beside ${val} of val and ${test} of test`,
      hint: 'add more pictures to the folder and prepare it again: most of them go to train',
    });
  }
  const [other] = findOthers(conditions, dataset);
  if (other === undefined) return;
  const { signal, asked, given } = other;
  throw new Unprocessable(
    `the config is conditioned on ${signal} ${asked}, the dataset has ${given ?? `no ${signal} column`}`,
    {
      expected: 'a dataset encoded by the encoders that model.conditions names',
      hint: `encode the dataset that way, or leave model.conditions.${signal} out`,
    },
  );
}

/**
 * The signals that both have must be of the same encoder: numbers of another one say something else to a model.
 * @throws Unprocessable naming the signal and both sides.
 */
export function checkEncoders(conditions: Conditions | undefined, dataset: Dataset): void {
  const other = findOthers(conditions, dataset).find(({ given }) => given !== undefined);
  if (other === undefined) return;
  const { signal, asked, given } = other;
  throw new Unprocessable(`the model was trained with ${signal} ${asked}, and the dataset has ${given}`, {
    expected: 'a dataset encoded by the encoders of the training',
    hint: 'prepare its pictures again with the encoders of the dataset that the model was trained on',
  });
}

/** Signals that the dataset lacks, or has from other encoders: both sides as JSON. */
function findOthers(conditions: Conditions | undefined, dataset: Dataset) {
  const offered = offeredConditions(dataset);
  return Object.entries(conditions ?? {}).flatMap(([signal, wanted]) => {
    const found = offered[signal as keyof Conditions];
    const asked = canonicalJson(columnOf(wanted));
    // Poses of one kind, whoever found them.
    const isAnyPose = wanted !== undefined && 'joints' in wanted && wanted.encoder === undefined;
    const same = found && 'joints' in found && isAnyPose ? { joints: found.joints, threshold: 0 } : found;
    const given = found && canonicalJson(columnOf(same));
    return asked === given ? [] : [{ signal, asked, given }];
  });
}

/** @throws Unprocessable when the objective has masks, and no picture of the dataset has one. */
export function checkMasks({ mask }: ObjectiveConfig, dataset: Dataset): void {
  if (mask === undefined || dataset.pages.some(({ columns }) => columns.mask !== undefined)) return;
  throw new Unprocessable('objective.mask weighs pixels by masks, and no picture of the dataset has one', {
    expected: 'a dataset with masks: a-masklabel.png or a.mask.png beside a.png, white where the loss counts',
    hint: 'put masks beside the pictures and prepare the dataset again, or leave objective.mask out',
  });
}

/** What a condition says of its column. Threshold and norm are the network's own. */
function columnOf(condition: Conditions[keyof Conditions]) {
  const { threshold: _, norm: __, ...column } = { threshold: 0, norm: 'rms', ...condition };
  return column;
}

function hasColumn(dataset: Dataset, column: ColumnName): boolean {
  return dataset.pages.length > 0 && dataset.pages.every(page => page.columns[column] !== undefined);
}
