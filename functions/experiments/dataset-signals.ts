/** @file What a dataset offers to condition on, and whether it fits what a config asks for. */
import type { Conditions } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { ColumnName, Dataset } from '../../storage/records.ts';

/** Joints below this confidence count as absent (seed.md). */
const POSE_THRESHOLD = 0.05;

/** The signals that every page of the dataset has, with the encoders that made them. */
export function offeredConditions(dataset: Dataset): Conditions {
  const { text, image } = dataset.encoders;
  return {
    ...(text && hasColumn(dataset, 'text') ? { text: { encoder: text.name, dim: text.dim, tokens: text.tokens } } : {}),
    ...(image && hasColumn(dataset, 'cls') ? { cls: { encoder: image.name, dim: image.cls_dim } } : {}),
    ...(image && hasColumn(dataset, 'patches')
      ? { patches: { encoder: image.name, dim: image.patch_dim, stride: image.stride } }
      : {}),
    ...(hasColumn(dataset, 'pose') ? { pose: { joints: 133 as const, threshold: POSE_THRESHOLD } } : {}),
  };
}

/**
 * Every signal that the config is conditioned on must be in the dataset, from the same encoder.
 * @throws Unprocessable naming the signal and both sides, or when the dataset has no pictures of training size.
 */
export function checkSignals(conditions: Conditions | undefined, dataset: Dataset): void {
  if (dataset.pages.length === 0) throw new Unprocessable('the dataset is empty', { hint: 'import pictures first' });
  if (!hasColumn(dataset, 'image')) {
    throw new Unprocessable('the dataset has no image column', {
      expected: 'a dataset that went through bucket',
      hint: 'POST /functions/prepare makes every column',
    });
  }
  const offered = offeredConditions(dataset);
  for (const [signal, wanted] of Object.entries(conditions ?? {})) {
    const { threshold: _, ...asked } = { threshold: 0, ...wanted };
    const found = offered[signal as keyof Conditions];
    const { threshold: __, ...given } = { threshold: 0, ...found };
    if (found === undefined || canonicalJson(asked) !== canonicalJson(given)) {
      throw new Unprocessable(
        `the config is conditioned on ${signal} ${canonicalJson(asked)}, the dataset has ${found === undefined ? `no ${signal} column` : canonicalJson(given)}`,
        {
          expected: 'a dataset encoded by the encoders that model.conditions names',
          hint: `encode the dataset that way, or leave model.conditions.${signal} out`,
        },
      );
    }
  }
}

function hasColumn(dataset: Dataset, column: ColumnName): boolean {
  return dataset.pages.length > 0 && dataset.pages.every(page => page.columns[column] !== undefined);
}
